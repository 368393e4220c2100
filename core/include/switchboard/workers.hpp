// supervise(): worker processes that are started, watched, replaced when they die, and drained.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <switchboard/log.hpp>
#include <switchboard/stop.hpp>
#include <tl/expected.hpp>

namespace switchboard {

namespace detail {
struct WorkerPage;
}

// Success, or one line of text. It is not an `Error`, because it comes from another process.
using WorkerOutcome = tl::expected<void, std::string>;

// What a worker process is given.
class Worker {
public:
    // From 0 up to the number of workers. The replacement of a worker has the same index.
    std::size_t index() const noexcept { return index_; }
    bool is_replacement() const noexcept { return is_replacement_; }
    // Tells the supervisor that this worker serves. From then on, the process ends when the supervisor ends.
    // On Linux this holds from the start. It starts a thread for this; if there can be none, the process ends
    // at once, and the supervisor gets the reason. Call it once.
    void ready() noexcept;
    // Whether the supervisor drains. A worker drains when it gets SIGTERM. Call this once after the handler
    // is installed, because an earlier SIGTERM had no effect.
    bool draining() const noexcept;
    // Asks the supervisor to drain, as stop.drain() does.
    void ask_to_drain() noexcept;
    // Where the worker counts its open connections, so that the supervisor can say how many were lost.
    std::atomic<std::size_t>& connections() const noexcept;

private:
    friend class Supervisor;
    Worker() = default;
    detail::WorkerPage* page_ = nullptr;
    std::size_t index_ = 0;
    bool is_replacement_ = false;
    int supervisor_ = -1;  // a pipe whose other end the supervisor has
    int told_ = -1;        // a pipe to the supervisor
};

// The whole life of a worker process, which exits when this returns. The text of an error goes to the
// supervisor. A worker ends all connections and returns when it gets SIGINT.
using WorkerMain = std::function<WorkerOutcome(Worker&)>;

struct SupervisorOptions {
    std::size_t workers = 4;  // at least 1
    // How long workers may drain. Workers that still run 2 s later get SIGINT. After one more second they get
    // SIGKILL.
    std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
    LogSink log = {};
    std::function<void()> on_ready = {};  // all workers have called ready(), for the first time
    // The drain begins: close the supervisor's listening sockets.
    std::function<void()> on_drain = {};
    // The read end of a pipe, or -1. Each byte in it is the number of a signal, which the supervisor sends to
    // all workers, but not to processes that they have started. A signal handler may write the byte.
    int signals = -1;
};

// Forks the workers and returns when all have ended. After stop.drain() they drain; after stop.abort() they
// end at once. A worker that ends without being told to is replaced and logged: "worker 26940 ended by signal
// 11: 3 connections lost; another is started". The first replacement within a minute starts at once, the next
// ones after 100, 200 and 400 ms. A replacement that ends before it is ready, while other workers serve, is
// not counted. It is tried again after 100 ms, and after twice as long each time, up to 10 s. So is a fork
// that fails.
//
// Errors: a worker ended before it was ready at the start (with the text of that worker); five workers
// ended within a minute, without those that are not counted (the others are drained first); after the
// drain, the error of a worker. Threading: forks, so call it while the process has one thread. It blocks.
// Each worker is a process group of its own and inherits what fork(2) copies. SIGCHLD of the host and its
// other children are not touched.
[[nodiscard]] WorkerOutcome supervise(const WorkerMain& work, const Stop& stop,
                                      const SupervisorOptions& options);

}  // namespace switchboard

// Ends the connections of a blocking server from outside the threads that serve them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <switchboard/stop.hpp>
#include <thread>
#include <unordered_set>

#include "shared_listener.hpp"
#include "shared_memory.hpp"

namespace switchboard::detail {

// Has two permanent steps, which child processes see, too. drain(): protocols get on_shutdown, and idle
// connections are closed. abort_all(): all open and later connections end with errc::stopping. Threads in
// poll(2) watch fd(). Threads in recv(2) are woken by shutdown(2), for reading only, so that the peer is
// reset and does not see an orderly end. This does not wake child processes; the parent sends them a signal
// that interrupts the call.
class ShutdownControl {
public:
    static Result<std::unique_ptr<ShutdownControl>> create();

    void drain() noexcept;
    bool draining() const noexcept { return steps_[0].draining.load(std::memory_order_relaxed); }
    int drain_fd() const noexcept { return stop_.drain_fd(); }  // readable once it drains

    void abort_all();
    bool aborting() const noexcept { return steps_[0].aborting.load(std::memory_order_relaxed); }
    int fd() const noexcept { return stop_.abort_fd(); }  // readable after abort_all()

    // Called by the thread of a connection: abort_all() may shut down `fd` after enter() and before leave().
    // Call leave() before the descriptor is closed, because its number may then be reused.
    void enter(int fd);
    void leave(int fd) noexcept;

private:
    struct Steps {
        std::atomic<bool> draining{false}, aborting{false};
    };
    ShutdownControl(Stop stop, Shared<Steps> steps)
        : stop_(std::move(stop)), steps_(std::move(steps)) {}

    Stop stop_;
    Shared<Steps> steps_;  // an array of one
    std::mutex mutex_;
    std::unordered_set<int> open_;
};

// A thread that sleeps until the server drains. Then it closes the listener and calls shutdown.drain(). It
// calls shutdown.abort_all() when the drain takes too long or the server must abort. The thread ends with
// this object.
class Watchdog {
public:
    // The arguments must outlive the Watchdog. Errors: no thread or pipe is available.
    static Result<std::unique_ptr<Watchdog>> start(const Stop& stop,
                                                   std::chrono::milliseconds drain,
                                                   SharedListener& listener,
                                                   ShutdownControl& shutdown);
    ~Watchdog();

private:
    explicit Watchdog(Stop done) : done_(std::move(done)) {}
    void watch(const Stop& stop, std::chrono::milliseconds drain, SharedListener& listener,
               ShutdownControl& shutdown) const;

    Stop done_;
    std::thread thread_;
};

}  // namespace switchboard::detail

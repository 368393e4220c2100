// How the connections of a blocking server are ended from outside the threads that serve them.
#pragma once

#include <memory>
#include <mutex>
#include <switchboard/stop.hpp>
#include <thread>
#include <unordered_set>

namespace switchboard::detail {

// Told once, for good: every connection that is open, or is opened later, ends with errc::stopping.
// Those that block in this process are woken by shutdown(2). In a child process told() becomes true
// as well, but the parent must wake it, with a signal that interrupts its call.
class Ending {
public:
    static Result<std::unique_ptr<Ending>> create();

    void tell();
    bool told() const noexcept { return stop_.aborting(); }
    int fd() const noexcept { return stop_.abort_fd(); }  // readable once told

    // From the connection's thread: `fd` may be shut down from now on, and not any more. It must be
    // left before it is closed, when its number may become another's.
    void enter(int fd);
    void leave(int fd) noexcept;

private:
    explicit Ending(Stop stop) : stop_(std::move(stop)) {}

    Stop stop_;
    std::mutex mutex_;
    std::unordered_set<int> open_;
};

// A thread that tells `ending` when a server has drained for too long, or is told to abort. It
// sleeps until then, and ends with this object.
class Watchdog {
public:
    // Fails where no thread or pipe can be had.
    static Result<std::unique_ptr<Watchdog>> start(const Stop& stop,
                                                   std::chrono::milliseconds drain, Ending& ending);
    ~Watchdog();

private:
    explicit Watchdog(Stop done) : done_(std::move(done)) {}
    void watch(const Stop& stop, std::chrono::milliseconds drain, Ending& ending) const;

    Stop done_;
    std::thread thread_;
};

}  // namespace switchboard::detail

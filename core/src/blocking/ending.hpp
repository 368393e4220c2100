// How the connections of a blocking server are ended from outside the threads that serve them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <switchboard/stop.hpp>
#include <thread>
#include <unordered_set>

#include "shared.hpp"
#include "shared_listener.hpp"

namespace switchboard::detail {

// Two steps, each told once, for good, also to child processes. drain(): protocols are told, and those
// that are idle close. tell(): every connection that is open, or is opened later, ends with
// errc::stopping. Those that block in poll(2) watch fd(). Those that block in recv(2) are
// woken by shutdown(2): for reading only, so that the peer is reset and does not see an orderly end.
// In a child they are not; there the parent sends a signal that interrupts the call.
class Ending {
public:
    static Result<std::unique_ptr<Ending>> create();

    void drain() noexcept;
    bool draining() const noexcept { return steps_[0].draining.load(std::memory_order_relaxed); }
    int drain_fd() const noexcept { return stop_.drain_fd(); }  // readable once it drains

    void tell();
    bool told() const noexcept { return steps_[0].told.load(std::memory_order_relaxed); }
    int fd() const noexcept { return stop_.abort_fd(); }  // readable once told

    // From the connection's thread: `fd` may be shut down from now on, and not any more. It must be
    // left before it is closed, when its number may become another's.
    void enter(int fd);
    void leave(int fd) noexcept;

private:
    struct Steps {
        std::atomic<bool> draining{false}, told{false};
    };
    Ending(Stop stop, Shared<Steps> steps) : stop_(std::move(stop)), steps_(std::move(steps)) {}

    Stop stop_;
    Shared<Steps> steps_;  // one
    std::mutex mutex_;
    std::unordered_set<int> open_;
};

// A thread that closes the listener and drains `ending` when the server drains, and tells `ending`
// when it has drained for too long or is told to abort. It sleeps until then, and ends with this
// object.
class Watchdog {
public:
    // Fails where no thread or pipe can be had. What it is given must outlive it.
    static Result<std::unique_ptr<Watchdog>> start(const Stop& stop,
                                                   std::chrono::milliseconds drain,
                                                   SharedListener& listener, Ending& ending);
    ~Watchdog();

private:
    explicit Watchdog(Stop done) : done_(std::move(done)) {}
    void watch(const Stop& stop, std::chrono::milliseconds drain, SharedListener& listener,
               Ending& ending) const;

    Stop done_;
    std::thread thread_;
};

}  // namespace switchboard::detail

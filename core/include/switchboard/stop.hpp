// Stop: tells a blocking server to stop, from another thread or from a signal handler.
#pragma once

#include <switchboard/error.hpp>

namespace switchboard {

// Has two one-way steps: drain (accept no more connections, and let the open ones finish until
// drain_timeout), then abort (end them now). A step is permanent and level-triggered: every thread and child
// process that waits sees it, even if it starts to wait later. drain() and abort() are thread-safe and
// async-signal-safe (man 7 signal-safety).
class Stop {
public:
    [[nodiscard]] static Result<Stop> create();  // opens two pipes
    Stop(Stop&& other) noexcept;
    Stop& operator=(Stop&& other) noexcept;
    ~Stop();

    void drain() const noexcept;
    void abort() const noexcept;  // also drains
    bool draining() const noexcept;
    bool aborting() const noexcept;
    int drain_fd() const noexcept { return drain_[0]; }  // readable after drain(); do not read it
    int abort_fd() const noexcept { return abort_[0]; }  // readable after abort(); do not read it

private:
    Stop() = default;
    int drain_[2] = {-1, -1};
    int abort_[2] = {-1, -1};
};

}  // namespace switchboard

// How a blocking server is told to stop, from another thread or from a signal handler.
#pragma once

#include <switchboard/error.hpp>

namespace switchboard {

// Two one-way steps: drain (accept no more, let those served finish, until drain_deadline), then
// abort (end them now). Level-triggered and lasting: everyone who waits sees it, also later, also in
// a child process. drain() and abort() are thread-safe and async-signal-safe (man 7 signal-safety).
class Stop {
public:
    static Result<Stop> create();  // two pipes
    Stop(Stop&& other) noexcept;
    Stop& operator=(Stop&& other) noexcept;
    ~Stop();

    void drain() const noexcept;
    void abort() const noexcept;  // drains as well
    bool draining() const noexcept;
    bool aborting() const noexcept;
    int drain_fd() const noexcept { return drain_[0]; }  // readable from drain() on; do not read it
    int abort_fd() const noexcept { return abort_[0]; }  // readable from abort() on; do not read it

private:
    Stop() = default;
    int drain_[2] = {-1, -1};
    int abort_[2] = {-1, -1};
};

}  // namespace switchboard

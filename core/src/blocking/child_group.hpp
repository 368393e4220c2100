// Child processes that come and go, and are all reaped in the end.
//
// They are a process group of their own: it is the group that is waited for and signalled, so the
// host's other children are left to the host, and so are its SIGCHLD and every other disposition.
// (The host must not ignore SIGCHLD: then the system reaps in its place.) A child says through a
// pipe that it is about to exit, which wakes the parent; one that is killed says nothing, and is
// found by a sweep within a second.
//
// In a child SIGTERM interrupts a blocked system call, closes the listener it accepts from, and does
// nothing else: what the host's handler would do is the parent's business. SIGINT ends it, as it
// would without a handler; a terminal sends it to the parent's group only. All else is as fork(2)
// leaves it. A child ends with _exit(2): exit handlers and the buffers of stdio are the parent's.
// When the parent is killed the children are too (see end_with_parent), and a child that waits for
// a connection sees parent_fd() hang up.
#pragma once

#include <sys/types.h>
#include <functional>
#include <memory>
#include <optional>
#include <switchboard/error.hpp>

#include "shared_listener.hpp"
#include "wait.hpp"

namespace switchboard::detail {

struct EndedChild {
    pid_t pid;
    int status;  // as of waitpid(2)
};

std::string describe(const EndedChild& child);  // "process 17 was ended by signal 6"

class ChildGroup {
public:
    static Result<std::unique_ptr<ChildGroup>> create();
    ChildGroup(const ChildGroup&) = delete;
    ChildGroup& operator=(const ChildGroup&) = delete;
    ~ChildGroup();  // kills and reaps what is left

    // Forks. The child exits with what `work` returns, or 1 if that throws. Answers its pid. The
    // first SIGTERM makes it forsake `listener`, if there is one: it takes no more connections.
    Result<pid_t> spawn(const std::function<int()>& work, SharedListener* listener = nullptr);
    std::optional<EndedChild> reap();                      // one that has ended, without waiting
    void signal(int number) const noexcept;                // to all
    std::size_t count() const noexcept { return count_; }  // not reaped yet

    int fd() const noexcept { return exits_[0]; }  // for the parent: readable when reap() is due
    Clock::time_point next_sweep() noexcept;       // ... which it also is at this time
    int parent_fd() const noexcept { return alive_[0]; }  // for a child: readable once it is alone

private:
    ChildGroup() = default;
    [[noreturn]] void run_child(const std::function<int()>& work) noexcept;
    void hear_exits() noexcept;

    int exits_[2] = {-1, -1};  // children write a byte before they exit
    int alive_[2] = {-1, -1};  // the parent alone has the write end
    pid_t group_ = 0;          // 0: the next child leads a new one
    std::size_t count_ = 0;
    std::size_t announced_ = 0;  // exits heard of and not reaped
    Clock::time_point expected_until_;
};

}  // namespace switchboard::detail

// Child processes that come and go, and are all reaped in the end.
//
// Each is waited for by its pid and signalled as a process group of its own, so the host's other
// children are left to the host, and so are its SIGCHLD and every other disposition. A child says
// through a pipe that it is about to exit, and how, which wakes the parent; one that is killed says
// nothing, and is found by a sweep within a second. Where the host ignores SIGCHLD the system reaps
// the children, and a host may reap all children itself: waitpid(2) answers ECHILD for one that is
// gone, and what it said last is all there is to know of it.
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
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "shared_listener.hpp"
#include "wait.hpp"

namespace switchboard::detail {

struct EndedChild {
    pid_t pid;
    // Neither if somebody else has reaped it and it had said nothing.
    std::optional<int> exit_status = {};
    std::optional<int> signal = {};
};

std::string describe(const EndedChild& child);  // "process 17 was ended by signal 6"

using EndedCallback = std::function<void(const EndedChild&)>;

class ChildGroup {
public:
    static Result<std::unique_ptr<ChildGroup>> create();
    ChildGroup(const ChildGroup&) = delete;
    ChildGroup& operator=(const ChildGroup&) = delete;
    ~ChildGroup();  // kills and reaps what is left

    // Forks. The child exits with what `work` returns, or 1 if that throws. Answers its pid. The
    // first SIGTERM makes it forsake `listener`, if there is one: it takes no more connections.
    Result<pid_t> spawn(const std::function<int()>& work, SharedListener* listener = nullptr);
    void reap(const EndedCallback& on_ended);  // those that have ended, without waiting
    void signal(int number) noexcept;          // to all; those it ends are found within 10 ms
    std::size_t count() const noexcept { return children_.size(); }  // not known to have ended

    int fd() const noexcept { return exits_[0]; }   // for the parent: readable when reap() is due
    Clock::time_point next_sweep() const noexcept;  // ... which it also is at this time
    int parent_fd() const noexcept { return alive_[0]; }  // for a child: readable once it is alone

private:
    struct Child {
        pid_t pid;
        std::optional<int> said;  // the status that it is about to exit with
    };
    struct LastWord {
        pid_t pid;
        int status;
    };
    ChildGroup() = default;
    [[noreturn]] void run_child(const std::function<int()>& work) noexcept;
    void hear_exits() noexcept;
    void hear(const LastWord& word) noexcept;
    static std::optional<EndedChild> look_at(const Child& child) noexcept;

    int exits_[2] = {-1, -1};  // children write a LastWord before they exit
    int alive_[2] = {-1, -1};  // the parent alone has the write end
    std::vector<Child> children_;
    Clock::time_point sweep_at_;        // of all children
    Clock::time_point expected_until_;  // those that said they exit
};

}  // namespace switchboard::detail

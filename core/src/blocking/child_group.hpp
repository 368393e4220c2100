// A group of child processes, all of which are reaped in the end.
//
// Each child is waited for by its pid and signalled as a process group of its own. The other children of the
// host, its SIGCHLD and all its other signal dispositions are not touched. A child writes its exit status to
// a pipe before it exits, which wakes the parent. A child that is killed writes nothing, and is found by a
// sweep within a second. If the host ignores SIGCHLD, or reaps all children itself, waitpid(2) returns
// ECHILD for a child that has ended. The status from the pipe is then all that is known. Otherwise, what is
// left of the process group of a child that ended without writing its status is killed.
//
// In a child, SIGTERM interrupts a blocked system call and closes the listener that the child accepts from.
// It does nothing else: the handler of the host is not called, because it belongs to the parent. SIGINT ends
// the child, as it would without a handler; a terminal sends it only to the parent's group. Everything else
// is as fork(2) leaves it. A child ends with _exit(2), because exit handlers and stdio buffers belong to the
// parent. If the parent is killed, its children are killed, too (see end_with_parent), and a child that
// waits for a connection sees parent_fd() hang up.
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
    // Both are empty if another part of the program reaped the child and it had written no status.
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
    ~ChildGroup();  // kills and reaps the children that are left

    // Forks and returns the pid of the child. The child exits with the result of `work`, or with 1 if `work`
    // throws. If `listener` is given, the first SIGTERM makes the child detach it, so that it accepts no
    // more connections.
    Result<pid_t> spawn(const std::function<int()>& work, SharedListener* listener = nullptr);
    void reap(const EndedCallback& on_ended);  // reaps the children that have ended; never waits
    // One has probably ended: the next reap() looks at all.
    void look_now() noexcept { sweep_at_ = {}; }
    // Signals all children and what they have started. Those that end are found within 10 ms.
    void signal(int number) noexcept;
    // Signals the children alone: what they started may not expect it.
    void pass_on(int number) noexcept;
    std::size_t count() const noexcept { return children_.size(); }  // children not reaped yet

    int fd() const noexcept { return exits_[0]; }   // for the parent: readable when reap() is due
    Clock::time_point next_sweep() const noexcept;  // reap() is also due at this time
    // For a child: readable if the parent has ended.
    int parent_fd() const noexcept { return alive_[0]; }

private:
    struct Child {
        pid_t pid;
        std::optional<int> said;  // the status that it has written to the pipe
    };
    struct LastWord {
        pid_t pid;
        int status;
    };
    ChildGroup() = default;
    [[noreturn]] void run_child(const std::function<int()>& work) noexcept;
    void hear_exits() noexcept;
    void hear(const LastWord& word) noexcept;
    void kill_orphans(const Child& child) noexcept;
    std::optional<EndedChild> look_at(const Child& child) noexcept;

    int exits_[2] = {-1, -1};  // children write a LastWord before they exit
    int alive_[2] = {-1, -1};  // only the parent has the write end
    std::vector<Child> children_;
    Clock::time_point sweep_at_;        // when all children are looked at
    Clock::time_point expected_until_;  // the end of frequent checks for exits
};

}  // namespace switchboard::detail

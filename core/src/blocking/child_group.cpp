#include "child_group.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "../platform/platform.hpp"
#include "../platform/process.hpp"

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto kExit = 100ms;  // what an exit may take before it is left to the next sweep

// Nothing may be delivered in a child before its dispositions are its own.
class SignalsHeld {
public:
    SignalsHeld() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

    void accept(int number) noexcept { sigdelset(&before_, number); }

private:
    sigset_t before_{};
};

void dispose(int number, void (*handler)(int)) noexcept {
    struct sigaction action {};
    action.sa_handler = handler;  // without SA_RESTART: to interrupt is all that SIGTERM is for
    ::sigaction(number, &action, nullptr);
}

void close_end(int& fd) noexcept {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

// What a child closes at SIGTERM. It is set in the child alone, while no signal is delivered.
std::atomic<SharedListener*> forsaken_at_term = nullptr;
static_assert(decltype(forsaken_at_term)::is_always_lock_free);

void on_term(int) {
    const int error = errno;
    if (SharedListener* const listener = forsaken_at_term) listener->forsake();
    errno = error;
}

// Forks; in the child the dispositions are its own before any signal is delivered.
pid_t fork_held(SharedListener* listener) noexcept {
    SignalsHeld held;
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    forsaken_at_term = listener;  // or what a parent that is itself such a child had
    dispose(SIGTERM, on_term);
    dispose(SIGINT, SIG_DFL);
    held.accept(SIGTERM);
    held.accept(SIGINT);
    return 0;
}

}  // namespace

std::string describe(const EndedChild& child) {
    const std::string name = "process " + std::to_string(child.pid);
    if (WIFSIGNALED(child.status))
        return name + " was ended by signal " + std::to_string(WTERMSIG(child.status));
    return name + " exited with " + std::to_string(WEXITSTATUS(child.status));
}

Result<std::unique_ptr<ChildGroup>> ChildGroup::create() {
    std::unique_ptr<ChildGroup> group(new ChildGroup);
    if (platform::open_pipe(group->exits_) < 0 || platform::open_pipe(group->alive_) < 0)
        return fail_errno("pipe");
    return group;
}

ChildGroup::~ChildGroup() {
    signal(SIGKILL);
    while (count_ > 0) {
        if (::waitpid(-group_, nullptr, 0) > 0)
            --count_;
        else if (errno != EINTR)
            break;
    }
    for (int* fd : {&exits_[0], &exits_[1], &alive_[0], &alive_[1]}) close_end(*fd);
}

Result<pid_t> ChildGroup::spawn(const std::function<int()>& work, SharedListener* listener) {
    const pid_t pid = fork_held(listener);
    if (pid < 0) return fail_errno("fork");
    // On both sides: whichever comes first, the child is in the group before either goes on.
    ::setpgid(pid, group_);
    if (pid == 0) run_child(work);
    if (group_ == 0) group_ = pid;
    ++count_;
    return pid;
}

void ChildGroup::run_child(const std::function<int()>& work) noexcept {
    close_end(alive_[1]);
    close_end(exits_[0]);
    platform::end_with_parent();
    int status = 1;
    try {
        status = work();
    } catch (...) {  // exits with 1, as promised
    }
    const char byte = 0;
    [[maybe_unused]] const auto told = ::write(exits_[1], &byte, 1);  // a full pipe is as good
    ::_exit(status);
}

void ChildGroup::hear_exits() noexcept {
    char bytes[256];
    pollfd entry{exits_[0], POLLIN, 0};
    while (::poll(&entry, 1, 0) > 0) {
        const ssize_t got = ::read(exits_[0], bytes, sizeof bytes);
        if (got <= 0) break;
        announced_ += static_cast<std::size_t>(got);
        expected_until_ = Clock::now() + kExit;
    }
}

std::optional<EndedChild> ChildGroup::reap() {
    hear_exits();
    if (count_ == 0) return std::nullopt;
    EndedChild ended{};
    ended.pid = ::waitpid(-group_, &ended.status, WNOHANG);
    if (ended.pid <= 0) return std::nullopt;
    if (announced_ > 0) --announced_;
    if (--count_ == 0) group_ = 0;  // its number is free for others from now on
    return ended;
}

void ChildGroup::signal(int number) const noexcept {
    if (count_ > 0) ::kill(-group_, number);
}

// A child that said it exits is no zombie yet, but will be in no time. The count is no promise: one
// that is reaped first and heard of later would be expected for ever.
Clock::time_point ChildGroup::next_sweep() noexcept {
    const auto now = Clock::now();
    if (now >= expected_until_) announced_ = 0;
    if (count_ == 0) return kNever;
    return now + (announced_ > 0 ? 1ms : 1000ms);
}

}  // namespace switchboard::detail

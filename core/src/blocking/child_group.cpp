#include "child_group.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <new>

#include "platform/platform.hpp"
#include "platform/process.hpp"
#include "signals_held.hpp"

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto kExit = 100ms;    // how long an exit is waited for before the next sweep
constexpr auto kSweep = 1000ms;  // between two sweeps over all children
constexpr auto kKilled = 10ms;   // from a signal to the next sweep

void dispose(int number, void (*handler)(int)) noexcept {
    struct sigaction action {};
    action.sa_handler = handler;  // no SA_RESTART: SIGTERM must interrupt blocked calls
    ::sigaction(number, &action, nullptr);
}

void close_end(int& fd) noexcept {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

// The listener that a child closes on SIGTERM. Only the child sets it, while all signals are blocked.
std::atomic<SharedListener*> forsaken_at_term = nullptr;
static_assert(decltype(forsaken_at_term)::is_always_lock_free);

void on_term(int) {
    const int error = errno;
    if (SharedListener* const listener = forsaken_at_term) listener->detach();
    errno = error;
}

// Forks. The child sets its own signal dispositions before it can get a signal.
pid_t fork_held(SharedListener* listener) noexcept {
    SignalsHeld held;
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    forsaken_at_term = listener;  // always set: the parent may itself be such a child
    dispose(SIGTERM, on_term);
    dispose(SIGINT, SIG_DFL);
    held.accept(SIGTERM);
    held.accept(SIGINT);
    return 0;
}

}  // namespace

std::string describe(const EndedChild& child) {
    const std::string name = "process " + std::to_string(child.pid);
    if (child.signal) return name + " was ended by signal " + std::to_string(*child.signal);
    if (child.exit_status) return name + " exited with " + std::to_string(*child.exit_status);
    return name + " ended with an unknown status";
}

Result<std::unique_ptr<ChildGroup>> ChildGroup::create() {
    std::unique_ptr<ChildGroup> group(new ChildGroup);
    if (platform::open_pipe(group->exits_) < 0 || platform::open_pipe(group->alive_) < 0)
        return fail_errno("pipe");
    return group;
}

ChildGroup::~ChildGroup() {
    signal(SIGKILL);
    for (const Child& each : children_) {
        while (::waitpid(each.pid, nullptr, 0) < 0 && errno == EINTR) continue;
    }
    for (int* fd : {&exits_[0], &exits_[1], &alive_[0], &alive_[1]}) close_end(*fd);
}

Result<pid_t> ChildGroup::spawn(const std::function<int()>& work, SharedListener* listener) try {
    children_.reserve(children_.size() + 1);  // first: if this fails, no child must be forked
    const pid_t pid = fork_held(listener);
    if (pid < 0) return fail_errno("fork");
    // Called in both processes, so that the child leads its group before either of them goes on.
    ::setpgid(pid, pid);
    if (pid == 0) run_child(work);
    children_.push_back({pid, {}});
    return pid;
} catch (const std::bad_alloc&) {
    return fail(std::make_error_code(std::errc::not_enough_memory), "fork");
}

void ChildGroup::run_child(const std::function<int()>& work) noexcept {
    close_end(alive_[1]);
    close_end(exits_[0]);
    platform::end_with_parent();
    int status = 1;
    try {
        status = work();
    } catch (...) {  // exits with 1, as documented
    }
    const LastWord word{::getpid(), status & 0xff};  // small enough to be written atomically
    [[maybe_unused]] const auto told = ::write(exits_[1], &word, sizeof word);
    ::_exit(status);
}

void ChildGroup::hear_exits() noexcept {
    std::array<LastWord, 32> words{};
    pollfd entry{exits_[0], POLLIN, 0};
    while (::poll(&entry, 1, 0) > 0) {
        const ssize_t got = ::read(exits_[0], words.data(), sizeof words);
        if (got <= 0) break;
        const std::size_t count = static_cast<std::size_t>(got) / sizeof(LastWord);
        std::for_each_n(words.begin(), count, [this](const LastWord& word) { hear(word); });
        expected_until_ = Clock::now() + kExit;
    }
}

// The child may be unknown, if a sweep has found it before its status was read.
void ChildGroup::hear(const LastWord& word) noexcept {
    const auto child = std::ranges::find(children_, word.pid, &Child::pid);
    if (child != children_.end()) child->said = word.status;
}

// A child that ended without a word has crashed. It can no longer end what it has started, which is killed
// while the child is a zombie: its pid is not used again before it is reaped.
void ChildGroup::kill_orphans(const Child& child) noexcept {
    if (child.said) return;
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != child.pid)
        return;
    hear_exits();  // it may have written its status after the last look
    if (!child.said) ::kill(-child.pid, SIGKILL);
}

std::optional<EndedChild> ChildGroup::look_at(const Child& child) noexcept {
    kill_orphans(child);
    int status = 0;
    const pid_t got = ::waitpid(child.pid, &status, WNOHANG);
    if (got < 0 && errno == ECHILD) {
        // The host has reaped it, perhaps after the last hear_exits(): it wrote its status before it ended.
        if (!child.said) hear_exits();
        return EndedChild{child.pid, child.said};
    }
    if (got <= 0) return std::nullopt;
    EndedChild ended{child.pid, child.said};
    ended.exit_status = WIFEXITED(status) ? std::optional(WEXITSTATUS(status)) : std::nullopt;
    ended.signal = WIFSIGNALED(status) ? std::optional(WTERMSIG(status)) : std::nullopt;
    return ended;
}

void ChildGroup::reap(const EndedCallback& on_ended) {
    hear_exits();
    const auto now = Clock::now();
    const bool all = now >= sweep_at_;
    if (all) sweep_at_ = now + kSweep;
    for (std::size_t i = 0; i < children_.size();) {
        const auto ended = all || children_[i].said ? look_at(children_[i]) : std::nullopt;
        if (!ended) {
            ++i;
            continue;
        }
        children_[i] = children_.back();
        children_.pop_back();
        on_ended(*ended);
    }
}

void ChildGroup::signal(int number) noexcept {
    for (const Child& each : children_) ::kill(-each.pid, number);
    sweep_at_ = std::min(sweep_at_, Clock::now() + kKilled);
}

void ChildGroup::pass_on(int number) noexcept {
    for (const Child& each : children_) ::kill(each.pid, number);
    sweep_at_ = std::min(sweep_at_, Clock::now() + kKilled);
}

// A child that has written its status ends almost at once, unless something holds it up.
Clock::time_point ChildGroup::next_sweep() const noexcept {
    if (children_.empty()) return kNever;
    const auto now = Clock::now();
    const bool expected =
        now < expected_until_ &&
        std::ranges::any_of(children_, [](const Child& each) { return each.said.has_value(); });
    return expected ? std::min(sweep_at_, now + 1ms) : sweep_at_;
}

}  // namespace switchboard::detail

#include "contained.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <new>
#include <thread>

namespace switchboard::program {

using std::chrono::milliseconds;

// The child writes, and the parent reads. Texts are read when the child has ended.
struct Progress::Shared {
    using Text = std::array<char, 1024>;
    Text subject, step, result;
    pid_t parent;
    std::atomic<std::int64_t> patience;  // milliseconds
    std::atomic<std::uint64_t> steps;
    std::atomic<std::size_t> findings;
    std::atomic<bool> has_returned, has_succeeded;
};

namespace {

constexpr milliseconds kInterval{2};  // between two looks at the child
constexpr milliseconds kFirstPatience = std::chrono::minutes(1);

void put(Progress::Shared::Text& to, const std::string& text) {
    const std::size_t size = text.copy(to.data(), to.size() - 1);
    to[size] = '\0';
}

void set(Progress::Shared& shared, const std::string& subject, const std::string& step,
         milliseconds patience) {
    put(shared.subject, subject);
    put(shared.step, step);
    shared.patience =
        std::clamp(patience, milliseconds(0), milliseconds(std::chrono::hours(24))).count();
    ++shared.steps;
}

// The process group of the child and of what it starts, in the child and in the process that waits for it.
std::atomic<pid_t> group{0};

void end_with_group(int signal) {
    ::kill(-group, SIGKILL);
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

// While it lives, a signal that ends this process ends the child, too, which is no longer in the group that
// the terminal signals.
class EndsWithGroup {
public:
    explicit EndsWithGroup(pid_t child) {
        group = child;
        for (std::size_t i = 0; i < kEnding.size(); ++i) {
            before_[i] = std::signal(kEnding[i], end_with_group);
            if (before_[i] == SIG_IGN) std::signal(kEnding[i], SIG_IGN);
        }
    }
    EndsWithGroup(const EndsWithGroup&) = delete;
    EndsWithGroup& operator=(const EndsWithGroup&) = delete;
    ~EndsWithGroup() {
        for (std::size_t i = 0; i < kEnding.size(); ++i) std::signal(kEnding[i], before_[i]);
    }

private:
    static constexpr std::array kEnding = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    std::array<void (*)(int), kEnding.size()> before_{};
};

// In the child: makes it the leader of its group, which each note() keeps alive.
void lead_group() {
    ::setpgid(0, 0);
    group = ::getpid();
    std::signal(SIGTTOU, SIG_IGN);  // so that it may write to the terminal of another group
    std::signal(SIGALRM, end_with_group);
    sigset_t timer;
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    ::sigprocmask(SIG_UNBLOCK, &timer, nullptr);
}

[[noreturn]] void run_child(const std::function<Outcome(Progress&)>& work, Progress progress,
                            Progress::Shared& shared) {
    lead_group();
    progress.note("", "", kFirstPatience);
    Outcome outcome = refuse("");
    try {
        outcome = work(progress);
    } catch (const std::exception& error) {
        outcome = refuse(error.what());
    } catch (...) {
        outcome = refuse("the check threw something that is no std::exception");
    }
    put(shared.result, outcome ? std::string() : outcome.error());
    shared.has_succeeded = outcome.has_value();
    shared.has_returned = true;
    std::fflush(nullptr);
    ::_exit(0);  // and not exit(): what this process registered is not the child's
}

std::string text_of(int status) {
    const std::string ended = "the plugin ended the process with ";
    if (WIFSIGNALED(status)) return ended + "signal " + std::to_string(WTERMSIG(status));
    return ended + "status " + std::to_string(WEXITSTATUS(status));
}

std::string text_of_time(const Progress::Shared& shared) {
    return "the plugin did not return within " + std::to_string(shared.patience) + " ms";
}

// The child remains to be reaped, so that its group cannot become that of other processes.
bool has_ended(pid_t child) {
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno != EINTR;
    return ended.si_pid == child;
}

// Kills what is left of the child and its process group. Returns how the child ended.
std::string end_of(pid_t child) {
    ::kill(-child, SIGKILL);
    for (int status = 0;;) {
        if (::waitpid(child, &status, 0) == child) return text_of(status);
        if (errno != EINTR) return "the plugin ended the process, and how is unknown";
    }
}

// Waits for the child. Returns what was wrong with its end if it did not return.
std::string wait_for(pid_t child, const Progress::Shared& shared) {
    const EndsWithGroup ends(child);
    std::uint64_t steps = shared.steps;
    auto since = std::chrono::steady_clock::now();
    for (;; std::this_thread::sleep_for(kInterval)) {
        if (has_ended(child)) return end_of(child);
        const auto now = std::chrono::steady_clock::now();
        if (steps != shared.steps) {
            steps = shared.steps;
            since = now;
        } else if (now - since > milliseconds(shared.patience)) {
            end_of(child);
            return text_of_time(shared);
        }
    }
}

void unmap(Progress::Shared* shared) {
    ::munmap(shared, sizeof *shared);
}

}  // namespace

void Progress::note(const std::string& subject, const std::string& step, milliseconds patience) {
    set(shared_, subject, step, patience);
    // The process that waits may be killed. Then nobody else ends this one.
    if (::getppid() != shared_.parent) end_with_group(SIGKILL);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(milliseconds(shared_.patience));
    ::alarm(static_cast<unsigned>(seconds.count() + 1));
}

void Progress::add_finding() noexcept {
    ++shared_.findings;
}

std::size_t Progress::findings() const noexcept {
    return shared_.findings;
}

Result<Contained> Contained::create() {
    void* const memory = ::mmap(nullptr, sizeof(Progress::Shared), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail_errno("mmap");
    return Contained(Memory(new (memory) Progress::Shared{}, unmap));
}

Outcome Contained::run(const std::function<Outcome(Progress&)>& work,
                       const std::function<Outcome(const std::string&, const std::string&,
                                                   const std::string&)>& lost) {
    shared_->parent = ::getpid();
    set(*shared_, "", "", kFirstPatience);
    std::signal(SIGCHLD, SIG_DFL);  // if it is ignored, the system does not keep how children end
    std::fflush(nullptr);           // otherwise the child could write buffered output again
    const pid_t child = ::fork();
    if (child < 0) return refuse(fail_errno("fork").value());
    if (child == 0) run_child(work, Progress(*shared_), *shared_);
    ::setpgid(child, child);  // whichever of the two comes first
    const std::string end = wait_for(child, *shared_);
    if (!shared_->has_returned) return lost(shared_->subject.data(), shared_->step.data(), end);
    return shared_->has_succeeded ? Outcome() : refuse(std::string(shared_->result.data()));
}

}  // namespace switchboard::program

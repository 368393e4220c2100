#include "contained.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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
    std::atomic<std::int64_t> patience;  // milliseconds
    std::atomic<std::uint64_t> steps;
    std::atomic<std::size_t> findings;
    std::atomic<bool> has_returned, has_succeeded;
};

namespace {

constexpr milliseconds kInterval{2};  // between two looks at the child

void put(Progress::Shared::Text& to, const std::string& text) {
    const std::size_t size = text.copy(to.data(), to.size() - 1);
    to[size] = '\0';
}

[[noreturn]] void run_child(const std::function<Outcome(Progress&)>& work, Progress progress,
                            Progress::Shared& shared) {
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

// Waits for the child. Returns what was wrong with its end if it did not return.
std::string wait_for(pid_t child, const Progress::Shared& shared) {
    std::uint64_t steps = shared.steps;
    auto since = std::chrono::steady_clock::now();
    for (int status = 0;; std::this_thread::sleep_for(kInterval)) {
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return text_of(status);
        if (ended < 0 && errno != EINTR)
            return "the plugin ended the process, and how is unknown: " +
                   fail_errno("waitpid").value().message();
        const auto now = std::chrono::steady_clock::now();
        if (steps != shared.steps) {
            steps = shared.steps;
            since = now;
        } else if (now - since > milliseconds(shared.patience)) {
            ::kill(child, SIGKILL);
            while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
            }
            return text_of_time(shared);
        }
    }
}

void unmap(Progress::Shared* shared) {
    ::munmap(shared, sizeof *shared);
}

}  // namespace

void Progress::note(const std::string& subject, const std::string& step, milliseconds patience) {
    put(shared_.subject, subject);
    put(shared_.step, step);
    shared_.patience = patience.count();
    ++shared_.steps;
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
    Progress(*shared_).note("", "", std::chrono::minutes(1));
    std::signal(SIGCHLD, SIG_DFL);  // if it is ignored, the system does not keep how children end
    std::fflush(nullptr);           // otherwise the child could write buffered output again
    const pid_t child = ::fork();
    if (child < 0) return refuse(fail_errno("fork").value());
    if (child == 0) run_child(work, Progress(*shared_), *shared_);
    const std::string end = wait_for(child, *shared_);
    if (!shared_->has_returned) return lost(shared_->subject.data(), shared_->step.data(), end);
    return shared_->has_succeeded ? Outcome() : refuse(std::string(shared_->result.data()));
}

}  // namespace switchboard::program

#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <switchboard/plugin_host.hpp>

namespace switchboard {
namespace {

using std::chrono::milliseconds;

// The answers of the child: this, or these with a number and the context. A zero byte ends each. The end of
// the pipe would not do: a process that the plugin starts keeps it open.
constexpr char kGood = '+';
constexpr char kSystemError = 'S';
constexpr char kOwnError = 'P';

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto wrote = ::write(fd, text.data(), text.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

std::string try_plugin(const std::string& path) {
    Registry registry;  // stops the plugin at the end
    const auto loaded = load_plugin(path, registry);
    if (loaded) return {kGood};
    const std::error_code code = loaded.error().code();
    return (code.category() == std::system_category() ? kSystemError : kOwnError) +
           std::to_string(code.value()) + " " + loaded.error().context();
}

// An exception of an initializer may pass through dlopen(3). It must end the child here.
[[noreturn]] void run_child(const std::string& path, int fd, milliseconds timeout) noexcept {
    ::setpgid(0, 0);  // so that what the plugin starts can be killed with it
    // The handlers of this process would report a crash of its own.
    for (const int fatal : {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV})
        std::signal(fatal, SIG_DFL);
    // The child must also end if the process that waits for it was killed.
    sigset_t timer;
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    ::sigprocmask(SIG_UNBLOCK, &timer, nullptr);
    ::alarm(static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(timeout).count() + 1));
    std::string answer = try_plugin(path);
    write_all(fd, answer += '\0');
    ::_exit(0);  // and not exit(): what this process registered is not the child's
}

// Reads up to the zero byte. Empty: there is none. Nullopt: it took too long.
std::optional<std::string> read_answer(int fd, milliseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    std::string answer;
    for (std::array<char, 1024> part{};;) {
        const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
        const int count = ::poll(&ready, 1, static_cast<int>(left.count()));
        if (count == 0 || (count < 0 && errno == EINTR)) continue;
        const auto got = count < 0 ? -1 : ::read(fd, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return "";
        answer.append(part.data(), static_cast<std::size_t>(got));
        if (answer.back() == '\0') {
            answer.pop_back();
            return answer;
        }
    }
}

// Kills what is left of the child and its process group. A child that has answered is about to exit, and may
// do so: profilers write then what they have found. Nullopt: the system did not keep how it ended.
std::optional<int> end_of(pid_t child, bool has_answered) {
    siginfo_t ended{};
    if (has_answered) ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
    ::kill(-child, SIGKILL);
    int status = 0;
    for (;;) {
        if (::waitpid(child, &status, 0) == child) return status;
        if (errno != EINTR) return std::nullopt;
    }
}

Error error_in(const std::string& answer) {
    int value = 0;
    const char* const end = answer.data() + answer.size();
    const char* const context = std::from_chars(answer.data() + 1, end, value).ptr;
    const std::error_category& from =
        answer[0] == kSystemError ? std::system_category() : category();
    return {{value, from}, context == end ? "" : std::string(context + 1, end)};
}

std::string text_of_end(std::optional<int> status) {
    const std::string ended = "it ended the process that tried it, ";
    // SIGCHLD is ignored, and so the system reaped the child itself.
    if (!status) return ended + "and how it ended is unknown";
    if (!WIFSIGNALED(*status)) return ended + "with status " + std::to_string(WEXITSTATUS(*status));
    // The plugin closed the pipe and went on, so that no answer could come.
    if (WTERMSIG(*status) == SIGKILL)
        return "the process that tried it was killed without an answer";
    return ended + "with signal " + std::to_string(WTERMSIG(*status));
}

void close_both(const std::array<int, 2>& ends) {
    for (const int end : ends) ::close(end);
}

}  // namespace

Result<void> probe_plugin(const std::string& path, milliseconds timeout) {
    timeout = std::clamp(timeout, milliseconds(0), milliseconds(std::chrono::hours(24)));
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return fail_errno(path);
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    const pid_t child = ::fork();
    if (child < 0) {
        const auto problem = fail_errno(path);
        close_both(ends);
        return problem;
    }
    if (child == 0) {
        ::close(ends[0]);
        run_child(path, ends[1], timeout);
    }
    ::setpgid(child, child);  // whichever of the two comes first
    ::close(ends[1]);
    const std::optional<std::string> answer = read_answer(ends[0], timeout);
    ::close(ends[0]);

    const std::optional<int> status = end_of(child, answer && !answer->empty());
    if (!answer)
        return fail(errc::plugin_refused, path + ": it did not start and stop within " +
                                              std::to_string(timeout.count()) + "ms");
    if (answer->empty()) return fail(errc::plugin_refused, path + ": " + text_of_end(status));
    if (answer->front() != kGood) return tl::unexpected(error_in(*answer));
    return {};
}

}  // namespace switchboard

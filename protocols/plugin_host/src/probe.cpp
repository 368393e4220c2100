#include <sys/wait.h>

#include <poll.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <switchboard/plugin_host.hpp>

namespace switchboard {
namespace {

constexpr char kGood =
    '+';  // the answers of the child: this, or these with a number and the context
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

// Reads until the child closes its end. Nullopt: it took too long.
std::optional<std::string> read_answer(int fd, std::chrono::milliseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    std::string answer;
    for (std::array<char, 1024> part{};;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
        const auto got = ::read(fd, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return answer;
        answer.append(part.data(), static_cast<std::size_t>(got));
    }
}

int end_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

Error error_in(const std::string& answer) {
    int value = 0;
    const char* const end = answer.data() + answer.size();
    const char* const context = std::from_chars(answer.data() + 1, end, value).ptr;
    const std::error_category& from =
        answer[0] == kSystemError ? std::system_category() : category();
    return {{value, from}, context == end ? "" : std::string(context + 1, end)};
}

std::string text_of_end(int status) {
    return WIFSIGNALED(status) ? "it ended the process that tried it, with signal " +
                                     std::to_string(WTERMSIG(status))
                               : "it ended the process that tried it, with status " +
                                     std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<void> probe_plugin(const std::string& path, std::chrono::milliseconds timeout) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return fail_errno(path);
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        // The handlers of this process would report a crash of its own.
        for (const int fatal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV})
            std::signal(fatal, SIG_DFL);
        write_all(ends[1], try_plugin(path));
        ::_exit(0);  // and not exit(): what this process registered is not the child's
    }
    const int problem = errno;
    ::close(ends[1]);
    std::optional<std::string> answer;
    if (child > 0) {
        answer = read_answer(ends[0], timeout);
        if (!answer) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    if (child < 0) return fail({problem, std::system_category()}, path);

    const int status = end_of(child);
    if (!answer)
        return fail(errc::plugin_refused, path + ": it did not start and stop within " +
                                              std::to_string(timeout.count()) + "ms");
    if (answer->empty()) return fail(errc::plugin_refused, path + ": " + text_of_end(status));
    if (answer->front() != kGood) return tl::unexpected(error_in(*answer));
    return {};
}

}  // namespace switchboard

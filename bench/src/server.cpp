#include "server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "cpus.hpp"
#include "peers.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPatience{2'000};  // from SIGTERM to SIGKILL
constexpr std::size_t kMostReactors = 64;

// Runs in the child, between fork and exec.
[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<int>& cpus,
                         int output, int complaints, pid_t parent) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);  // it died before it could have signalled
    dup2(output, STDOUT_FILENO);
    dup2(complaints, STDERR_FILENO);
    if (const auto pinned = pin_to(cpus); !pinned) {
        dprintf(STDERR_FILENO, "%s\n", pinned.error().message().c_str());
        _exit(127);
    }
    execv(arguments[0], arguments.data());
    dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], std::strerror(errno));
    _exit(127);
}

ServerKind many_reactors(std::size_t reactors) {
    return {"reactor-x" + std::to_string(reactors), "switchboard", "reactor", {}, reactors};
}

std::vector<ServerKind> all_kinds() {
    std::vector<ServerKind> kinds;
    const auto add_driver = [&](const char* name) {
        kinds.push_back({name, "switchboard", name, {}, 1});
    };
    add_driver("reactor");
    kinds.push_back(many_reactors(2));
    for (const char* name : {"iterative", "threads", "thread-pool", "processes", "process-pool"}) {
        add_driver(name);
    }
    for (const Peer& peer : kPeers) kinds.push_back({peer.name, peer.name, {}, peer.needs, 1});
    return kinds;
}

void pause_briefly() {
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
}

// It goes to terminals and files: whatever a server wrote, they get no control characters.
std::string printable(std::string_view words) {
    std::string text(words);
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
}

}  // namespace

std::size_t ServerKind::most_cpus(std::size_t connections, std::size_t workers) const {
    if (forks()) return connections;
    return driver.ends_with("-pool") ? std::min(connections, workers) : reactors;
}

const std::vector<ServerKind>& server_kinds() {
    static const std::vector<ServerKind> kinds = all_kinds();
    return kinds;
}

std::string list_servers() {
    std::string names;
    for (const ServerKind& kind : server_kinds()) names += kind.name + " ";
    return names + "and reactor-xN, N from 2 to " + std::to_string(kMostReactors);
}

std::optional<ServerKind> find_server_kind(std::string_view name) {
    const auto& kinds = server_kinds();
    const auto found = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const ServerKind& kind) { return kind.name == name; });
    if (found != kinds.end()) return *found;
    for (std::size_t reactors = 2; reactors <= kMostReactors; ++reactors) {
        if (auto kind = many_reactors(reactors); kind.name == name) return kind;
    }
    return std::nullopt;
}

std::vector<std::string> command_for(const ServerKind& kind, const std::string& folder,
                                     const ServerSetup& setup) {
    std::vector<std::string> command{folder + "/" + kind.program};
    if (!kind.is_driver()) {
        if (setup.listen != kFreePort) command.push_back(setup.listen);
        return command;
    }
    const std::string limit = "max_connections=" + std::to_string(setup.max_connections);
    command.insert(command.end(), {"serve", setup.protocol, "--driver", kind.driver, "--listen",
                                   setup.listen, "--backlog", "4096", "--limit", limit});
    if (kind.name.ends_with("-pool")) {
        command.insert(command.end(), {"--workers", std::to_string(setup.workers)});
    }
    if (kind.reactors > 1) {
        command.insert(command.end(), {"--reactors", std::to_string(kind.reactors)});
    }
    for (const std::string& option : setup.options) {
        command.insert(command.end(), {"--option", option});
    }
    command.insert(command.end(), setup.arguments.begin(), setup.arguments.end());
    return command;
}

std::string why_unavailable(const ServerKind& kind, const std::string& folder, int cpu) {
    const std::string path = folder + "/" + kind.program;
    if (access(path.c_str(), X_OK) != 0) {
        return kind.may_be_missing() ? "not built, which takes " + kind.needs
                                     : fail_errno("server program " + path).value().message();
    }
    if (!kind.may_be_missing()) return {};
    const auto started = Server::start(command_for(kind, folder, {}), {cpu});
    return started ? std::string() : started.error().tried();
}

Result<Server> Server::start(const std::vector<std::string>& command, const std::vector<int>& cpus,
                             milliseconds timeout) {
    Server server;
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) return fail_errno("pipe");
    server.output_ = pipe[0];
    server.complaints_ = memfd_create("stderr", MFD_CLOEXEC);
    const pid_t parent = getpid();
    server.pid_ = fork();
    if (server.pid_ == 0) become(command, cpus, pipe[1], server.complaints_, parent);
    const int why = errno;
    close(pipe[1]);
    errno = why;
    if (server.pid_ < 0) return fail_errno("start " + command[0]);
    if (auto listening = server.await_listening(command[0], timeout); !listening) {
        return tl::unexpected(listening.error());
    }
    return server;
}

Server::Server(Server&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      reaped_(other.reaped_),
      output_(std::exchange(other.output_, -1)),
      complaints_(std::exchange(other.complaints_, -1)),
      endpoint_(std::move(other.endpoint_)) {}

Server::~Server() {
    stop();
    if (output_ >= 0) close(output_);
    if (complaints_ >= 0) close(complaints_);
}

Result<void> Server::await_listening(const std::string& program, milliseconds timeout) {
    constexpr std::string_view kAnnouncement = "listening on ";
    const auto line = read_line(timeout);
    if (!line) return fail(line.error(), "start " + program);
    const std::string_view text = *line;
    if (!text.starts_with(kAnnouncement)) {
        const std::string why = reap(kPatience) ? why_gone() : "said '" + *line + "'";
        return fail(errc::unsupported, "start " + program + ": " + why);
    }
    const auto address = text.substr(kAnnouncement.size());
    auto endpoint = Endpoint::parse(address.substr(0, address.find(' ')));
    if (!endpoint) return tl::unexpected(endpoint.error());
    endpoint_ = *std::move(endpoint);
    return {};
}

// Its first line, or what there was of it when its output ended.
Result<std::string> Server::read_line(milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    std::string line;
    for (char c = 0;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return fail(std::make_error_code(std::errc::timed_out), "");
        pollfd ready{output_, POLLIN, 0};
        if (poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
        if (read(output_, &c, 1) <= 0 || c == '\n') return line;
        line += c;
    }
}

std::string Server::last_words() const {
    std::array<char, 4096> text{};
    const off_t written = lseek(complaints_, 0, SEEK_END);
    const off_t start = std::max<off_t>(0, written - static_cast<off_t>(text.size()));
    const ssize_t size = pread(complaints_, text.data(), text.size(), start);
    std::string_view words(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (words.ends_with('\n')) words.remove_suffix(1);
    return printable(words.substr(words.rfind('\n') + 1));
}

std::string Server::why_gone() {
    if (!reap(milliseconds(0))) return {};
    const std::string words = last_words();
    const std::string how = WIFSIGNALED(status_)
                                ? "ended by signal " + std::to_string(WTERMSIG(status_))
                                : "ended with exit status " + std::to_string(WEXITSTATUS(status_));
    return words.empty() ? how : how + ": " + words;
}

bool Server::reap(milliseconds patience) noexcept {
    const auto deadline = Clock::now() + patience;
    while (pid_ >= 0 && !reaped_) {
        reaped_ = waitpid(pid_, &status_, WNOHANG) == pid_;
        if (reaped_ || Clock::now() >= deadline) break;
        pause_briefly();
    }
    return reaped_;
}

void Server::stop() noexcept {
    if (pid_ < 0) return;
    if (!reap(milliseconds(0))) kill(pid_, SIGTERM);
    if (!reap(kPatience)) {
        for (const pid_t pid : process_tree(pid_)) kill(pid, SIGKILL);
        reap(kPatience);
    }
    kill(-pid_, SIGKILL);  // what it started and left: its group outlives it
}

}  // namespace switchboard::bench

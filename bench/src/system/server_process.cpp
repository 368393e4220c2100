#include "system/server_process.hpp"

#include <fcntl.h>
#include <fmt/core.h>
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
#include <switchboard/socket.hpp>

#include "base/files.hpp"
#include "base/find.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "peers.hpp"
#include "system/cpus.hpp"
#include "system/usage.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPatience{2'000};  // from SIGTERM to SIGKILL
constexpr std::size_t kMostReactors = 64;

// Runs in the child, between fork and exec.
[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<int>& cpus,
                         int output, int errors, pid_t parent) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);  // the parent died before the signal was set up
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    if (const auto pinned = pin_to(cpus); !pinned) {
        dprintf(STDERR_FILENO, "%s\n", pinned.error().message().c_str());
        _exit(127);
    }
    execv(arguments[0], arguments.data());
    dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], std::strerror(errno));
    _exit(127);
}

ServerKind many_reactors(std::size_t reactors) {
    return {fmt::format("reactor-x{}", reactors), "switchboard", "reactor", {}, reactors};
}

std::vector<ServerKind> all_kinds() {
    std::vector<ServerKind> kinds;
    for (const char* name :
         {"reactor", "iterative", "threads", "thread-pool", "processes", "process-pool"}) {
        kinds.push_back({name, "switchboard", name, {}, 1});
    }
    kinds.insert(kinds.begin() + 1, many_reactors(2));
    for (const Peer& peer : kPeers) {
        ServerKind kind{peer.name, peer.name, {}, peer.needs, 1};
        kind.serves = peer.serves;
        kind.speaks_tls = peer.speaks_tls;
        kinds.push_back(std::move(kind));
    }
    return kinds;
}

// The text goes to terminals and files, so control characters that a server wrote are removed.
std::string printable(std::string_view words) {
    std::string text(words);
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    return text;
}

}  // namespace

std::size_t ServerKind::most_cpus(std::size_t connections, std::size_t workers) const {
    if (forks()) return connections;
    return is_pool() ? std::min(connections, workers) : reactors;
}

const std::vector<ServerKind>& server_kinds() {
    static const std::vector<ServerKind> kinds = all_kinds();
    return kinds;
}

std::string list_servers() {
    return fmt::format("{}, and reactor-xN (N from 2 to {})",
                       joined(server_kinds(), ", ", &ServerKind::name), kMostReactors);
}

std::optional<ServerKind> find_server_kind(std::string_view name) {
    if (const auto* const kind = find_by(server_kinds(), name, &ServerKind::name)) return *kind;
    for (std::size_t reactors = 2; reactors <= kMostReactors; ++reactors) {
        if (auto kind = many_reactors(reactors); kind.name == name) return kind;
    }
    return std::nullopt;
}

std::vector<std::string> command_for(const ServerKind& kind, const std::string& folder,
                                     const ServerSetup& setup) {
    std::vector<std::string> command{folder + "/" + kind.program};
    const auto add = [&](const std::vector<std::string>& words) {
        command.insert(command.end(), words.begin(), words.end());
    };
    if (!kind.is_driver()) {
        for (const std::string& option : setup.options) add({option.substr(option.find('=') + 1)});
        if (setup.listen != kFreePort) add({setup.listen});
        if (!setup.tls.empty()) add({"tls:" + setup.tls});
        return command;
    }
    add({"serve", setup.protocol, "--driver", kind.driver, "--listen", setup.listen});
    add({"--limit", "backlog=4096"});
    add({"--limit", fmt::format("max_connections={}", setup.max_connections)});
    if (kind.is_pool()) add({"--workers", std::to_string(setup.workers)});
    if (kind.reactors > 1) add({"--reactors", std::to_string(kind.reactors)});
    for (const std::string& option : setup.options) add({"--option", option});
    if (!setup.tls.empty()) add({"--tls", setup.tls});
    add(setup.arguments);
    return command;
}

std::string why_unavailable(const ServerKind& kind, const std::string& folder, int cpu) {
    const std::string path = folder + "/" + kind.program;
    if (access(path.c_str(), X_OK) != 0) {
        return kind.may_be_missing() ? "not built; it requires " + kind.needs
                                     : fail_errno("server program " + path).value().message();
    }
    if (!kind.may_be_missing()) return {};
    const auto started = Server::start(command_for(kind, folder, {}), {cpu});
    return started ? std::string() : started.error().context();
}

Result<ServerKind> parse_own_server(const std::string& text) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const bool is_name = !name.empty() && equals != std::string::npos &&
                         name.find_first_of(" ,/\t") == std::string::npos;
    if (!is_name)
        return bad_option(
            "invalid --server '{}'; use NAME='COMMAND {{port}}' or NAME=tcp://HOST:PORT", text);
    if (find_server_kind(name))
        return bad_option("--server {}: this is the name of a built-in server", name);
    ServerKind kind{name, {}, {}, {}, 1};
    const std::string value = text.substr(equals + 1);
    if (value.find("{port}") != std::string::npos) {
        kind.command = value;
        return kind;
    }
    auto endpoint = Endpoint::parse(value);
    if (!endpoint || endpoint->kind() == Endpoint::Kind::udp)
        return bad_option(
            "--server {}: neither a command with {{port}} nor an endpoint (tcp://HOST:PORT or "
            "unix:PATH)",
            name);
    kind.endpoint = *std::move(endpoint);
    return kind;
}

Result<Server> Server::start(const std::vector<std::string>& command, const std::vector<int>& cpus,
                             milliseconds timeout) {
    Server server;
    auto started = server.spawn(command, cpus).and_then([&] {
        return server.await_listening(command[0], timeout);
    });
    if (!started) return tl::unexpected(started.error());
    return server;
}

Result<Server> Server::start_own(const ServerKind& kind, const std::vector<int>& cpus,
                                 milliseconds timeout) {
    Server server;
    if (kind.endpoint) {
        server.endpoint_ = *kind.endpoint;
    } else {
        // If another process takes the port before the server does, the server reports it.
        const auto free = listen(Endpoint::tcp("127.0.0.1", 0)).and_then([](const Socket& socket) {
            return socket.local();
        });
        if (!free) return tl::unexpected(free.error());
        server.endpoint_ = *free;
        std::string command = "exec " + kind.command + " >/dev/null";
        for (auto at = command.find("{port}"); at != std::string::npos; at = command.find("{port}"))
            command.replace(at, 6, std::to_string(free->port()));
        if (auto spawned = server.spawn({"/bin/sh", "-c", command}, cpus); !spawned)
            return tl::unexpected(spawned.error());
    }
    if (auto ready = server.await_connection(kind.name, timeout); !ready)
        return tl::unexpected(ready.error());
    return server;
}

Result<void> Server::await_connection(const std::string& name, milliseconds timeout) {
    Result<void> connected;
    const auto is_decided = [&] {
        connected = connect(endpoint_, milliseconds(1'000)).map([](const Socket&) {});
        return connected || pid_ < 0 || !why_gone().empty();
    };
    wait_until(is_decided, timeout);
    const std::string gone = connected ? "" : why_gone();
    return gone.empty() ? connected : fail(errc::unsupported, "start " + name + ": " + gone);
}

Result<void> Server::spawn(const std::vector<std::string>& command, const std::vector<int>& cpus) {
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) return fail_errno("pipe");
    output_ = pipe[0];
    stderr_ = memfd_create("stderr", MFD_CLOEXEC);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) become(command, cpus, pipe[1], stderr_, parent);
    const int why = errno;
    close(pipe[1]);
    errno = why;
    return pid_ < 0 ? Result<void>(fail_errno("start " + command[0])) : Result<void>();
}

Server::Server(Server&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      reaped_(other.reaped_),
      output_(std::exchange(other.output_, -1)),
      stderr_(std::exchange(other.stderr_, -1)),
      endpoint_(std::move(other.endpoint_)) {}

Server::~Server() {
    stop();
    if (output_ >= 0) close(output_);
    if (stderr_ >= 0) close(stderr_);
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

// Returns its first line, or the text before its output ended.
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
    const off_t written = lseek(stderr_, 0, SEEK_END);
    const off_t start = std::max<off_t>(0, written - static_cast<off_t>(text.size()));
    const ssize_t size = pread(stderr_, text.data(), text.size(), start);
    std::string_view words(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (words.ends_with('\n')) words.remove_suffix(1);
    return printable(words.substr(words.rfind('\n') + 1));
}

std::string Server::why_gone() {
    if (!reap(milliseconds(0))) return {};
    const std::string words = last_words();
    const std::string how = WIFSIGNALED(status_)
                                ? fmt::format("ended by signal {}", WTERMSIG(status_))
                                : fmt::format("ended with exit status {}", WEXITSTATUS(status_));
    return words.empty() ? how : how + ": " + words;
}

bool Server::reap(milliseconds patience) noexcept {
    const auto is_gone = [&] {
        if (pid_ >= 0 && !reaped_) reaped_ = waitpid(pid_, &status_, WNOHANG) == pid_;
        return pid_ < 0 || reaped_;
    };
    wait_until(is_gone, patience);
    return reaped_;
}

void Server::stop() noexcept {
    if (pid_ < 0) return;
    if (!reap(milliseconds(0))) kill(pid_, SIGTERM);
    if (!reap(kPatience)) {
        for (const pid_t pid : process_tree(pid_)) kill(pid, SIGKILL);
        reap(kPatience);
    }
    kill(-pid_, SIGKILL);  // descendants that it left: the group outlives it
}

}  // namespace switchboard::bench

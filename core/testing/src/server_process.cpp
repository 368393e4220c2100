#include "server_process.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

namespace switchboard::testing {
namespace {

constexpr int kPatience = 10'000;  // milliseconds

// In the child. Its exit status says whether it served without an error.
[[noreturn]] void serve_and_exit(const SocketServer& server, Socket listener,
                                 const ProtocolFactory& factory, const Stop& stop,
                                 const ConnectionLimits& limits) {
    int status = 1;
    try {
        const Result<void> served = server.serve(std::move(listener), factory, stop, limits);
        if (served) status = 0;
        if (!served) std::fprintf(stderr, "%s\n", served.error().message().c_str());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: threw: %s\n", server.name.c_str(), e.what());
    }
    ::_exit(status);  // the buffers and the exit handlers belong to the parent
}

std::string wrong_with(std::optional<int> end) {
    if (!end) return "how the server ended is unknown: SIGCHLD is ignored";
    const int status = *end;
    if (WIFSIGNALED(status))
        return "the server was ended by signal " + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) == 0) return {};
    return "the server ended with status " + std::to_string(WEXITSTATUS(status));
}

// Nullopt: the system did not keep how the child ended.
std::optional<int> reap(pid_t child) {
    int status = 0;
    for (;;) {
        if (::waitpid(child, &status, 0) == child) return status;
        if (errno != EINTR) return std::nullopt;
    }
}

}  // namespace

Result<ServerProcess> ServerProcess::start(const SocketServer& server,
                                           const ProtocolFactory& factory,
                                           const ConnectionLimits& limits) {
    auto stop = Stop::create();
    if (!stop) return tl::unexpected(stop.error());
    auto listener = listen(Endpoint::tcp("127.0.0.1", 0));
    if (!listener) return tl::unexpected(listener.error());
    auto at = listener->local();
    if (!at) return tl::unexpected(at.error());
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return fail_errno("socketpair");
    Socket alive(ends[0]), held_by_child(ends[1]);
    std::fflush(nullptr);  // otherwise the child could write buffered output again
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork");
    if (child == 0) {
        alive.close();
        serve_and_exit(server, std::move(*listener), factory, *stop, limits);
    }
    return ServerProcess(std::move(*stop), std::move(*at), child, std::move(alive));
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : stop_(std::move(other.stop_)),
      at_(std::move(other.at_)),
      child_(std::exchange(other.child_, -1)),
      alive_(std::move(other.alive_)) {}

ServerProcess::~ServerProcess() {
    if (child_ < 0) return;
    stop_.abort();
    ::kill(child_, SIGKILL);
    reap(child_);
}

std::string ServerProcess::end() {
    stop_.drain();
    pollfd alive{.fd = alive_.fd(), .events = POLLIN, .revents = 0};
    int ready = 0;
    while ((ready = ::poll(&alive, 1, kPatience)) < 0 && errno == EINTR) {
    }
    if (ready == 0) return "the server does not end, although it drains and has no connection";
    return wrong_with(reap(std::exchange(child_, -1)));
}

}  // namespace switchboard::testing

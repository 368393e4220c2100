// A server in a child process.
#pragma once

#include <sys/types.h>
#include <string>
#include <switchboard/testing/check_sockets.hpp>

namespace switchboard::testing {

class ServerProcess {
public:
    // Errors: those of the listener, the pipes and fork(2).
    [[nodiscard]] static Result<ServerProcess> start(const SocketServer& server,
                                                     const ProtocolFactory& factory,
                                                     const ConnectionLimits& limits);
    ServerProcess(ServerProcess&& other) noexcept;
    ServerProcess& operator=(ServerProcess&&) = delete;
    ~ServerProcess();  // ends the child, if end() was not called

    const Endpoint& at() const { return at_; }
    void drain() const { stop_.drain(); }
    // Drains, and waits until the child has ended. Returns what was wrong with its end, or an empty text.
    std::string end();

private:
    ServerProcess(Stop stop, Endpoint at, pid_t child, Socket alive)
        : stop_(std::move(stop)), at_(std::move(at)), child_(child), alive_(std::move(alive)) {}

    Stop stop_;
    Endpoint at_;
    pid_t child_;
    Socket alive_;  // its other end is closed when the child and its children have ended
};

}  // namespace switchboard::testing

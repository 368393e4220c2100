// The part that the blocking drivers share: accepting connections, serving one, counting and logging.
//
// The five drivers differ only in what runs Server::serve(): the calling thread (iterative.cpp), a thread
// (threads.cpp) or a child process (processes.cpp), either created for each connection or kept in a pool. A
// pool has no dispatcher: every worker waits on the shared listener.
#pragma once

#include <algorithm>
#include <switchboard/blocking.hpp>

#include "connection_log.hpp"
#include "shared_listener.hpp"

namespace switchboard::detail {

class Server {
public:
    // Takes ownership of the listener. The other arguments must outlive the server.
    Server(Socket listener, const ProtocolFactory& factory, const Stop& stop,
           const ServeOptions& options);

    // Waits for the next connection and returns it. Tries again later if the process runs out of descriptors
    // or memory. Errors: errc::stopping if the server drains or its listener is closed;
    // std::errc::interrupted if `wake` is readable or `until` has come; the error of the listener itself.
    Result<Socket> accept(int wake = -1, Clock::time_point until = kNever) const;

    // Serves the connection on this thread until it ends. Returns false if it was refused because the factory
    // returned no protocol. Does not throw: if memory runs out, the connection is aborted.
    bool serve(Socket socket, const Workspace& workspace, ConnectionId id,
               ShutdownControl& shutdown) const;

    template <class Why>
    void refuse(const Socket& socket, const Why& why) const {
        connection_log_.refuse(socket, why);
    }
    template <class What>
    void log(LogLevel level, const What& what) const {
        connection_log_.log(level, what);
    }
    // Serves one connection after another until the server drains. For workers of a pool and the iterative
    // driver.
    Result<void> serve_in_turn(std::uint32_t worker, ShutdownControl& shutdown,
                               int wake = -1) const;

    const Stop& stop() const noexcept { return stop_; }
    const ServerLimits& limits() const noexcept { return options_.server; }
    std::size_t most_connections() const noexcept { return most_connections_; }
    std::size_t workers() const noexcept {
        return std::max<std::size_t>(std::min(options_.workers, most_connections_), 1);
    }
    ServeStats& stats() const noexcept { return connection_log_.stats(); }
    void count_in(ServeStats& stats) noexcept { connection_log_.count_in(stats); }
    SharedListener& listener() noexcept { return listener_; }

private:
    std::unique_ptr<Protocol> make_protocol(const Socket& socket) const;
    void count_failed_accept(const Error& why) const;

    mutable SharedListener listener_;
    const ProtocolFactory& factory_;
    const Stop& stop_;
    const ServeOptions& options_;
    const std::size_t most_connections_;  // computed when the server was created
    ConnectionLog connection_log_;
};

// Checks the limits and the factory. Refuses limits that only a reactor applies.
Result<void> check(const ProtocolFactory& factory, const ServeOptions& options);

// Turns errc::stopping, with which the loop of a worker ends in good order, into success. Any other error is
// that of the listener.
Result<void> unless_stopping(const Error& why);

}  // namespace switchboard::detail

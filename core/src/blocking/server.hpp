// What the blocking drivers share: taking connections, serving one, counting and logging.
//
// The five drivers differ only in who runs Server::serve(): the calling thread (iterative.cpp), a
// thread (threads.cpp) or a child process (processes.cpp), made for each connection or kept in a
// pool. Pools have no one who hands out connections: every worker waits on the shared listener.
#pragma once

#include <algorithm>
#include <switchboard/blocking.hpp>

#include "accounts.hpp"
#include "shared_listener.hpp"

namespace switchboard::detail {

class Server {
public:
    // All but the listener are borrowed.
    Server(Socket listener, const ProtocolFactory& factory, const Stop& stop,
           const ServeOptions& options);

    // The next connection, as soon as there is one. Waits while descriptors or memory are short.
    // Fails with errc::stopping once the server drains or its listener is closed, with
    // std::errc::interrupted when `wake` is readable or `until` has come, or with what is wrong
    // with the listener itself.
    Result<Socket> accept(int wake = -1, Clock::time_point until = kNever) const;

    // Serves it to its end on this thread; false if it was refused for want of a protocol. Does not
    // throw: if memory runs out, that costs the connection.
    bool serve(Socket socket, const Workspace& workspace, ConnectionId id, Ending& ending) const;

    template <class Why>
    void refuse(const Socket& socket, const Why& why) const {
        accounts_.refuse(socket, why);
    }
    template <class What>
    void log(LogLevel level, const What& what) const {
        accounts_.log(level, what);
    }
    // Serves until the server drains; what a worker of a pool does, and the iterative driver.
    Result<void> serve_in_turn(std::uint32_t worker, Ending& ending, int wake = -1) const;

    const Stop& stop() const noexcept { return stop_; }
    const Limits& limits() const noexcept { return options_.limits; }
    std::size_t most_connections() const noexcept { return most_connections_; }
    std::size_t workers() const noexcept {
        return std::max<std::size_t>(std::min(options_.workers, most_connections_), 1);
    }
    ServeStats& stats() const noexcept { return accounts_.stats(); }
    void count_in(ServeStats& stats) noexcept { accounts_.count_in(stats); }
    SharedListener& listener() noexcept { return listener_; }

private:
    std::unique_ptr<Protocol> make_protocol(const Socket& socket) const;
    void count_failed_accept(const Error& why) const;

    mutable SharedListener listener_;
    const ProtocolFactory& factory_;
    const Stop& stop_;
    const ServeOptions& options_;
    const std::size_t most_connections_;  // as the process was when it began to serve
    Accounts accounts_;
};

// A worker's loop ends with errc::stopping in good order; anything else is an error of the
// listener.
Result<void> unless_stopping(const Error& why);

}  // namespace switchboard::detail

// A listening socket of a reactor.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <switchboard/reactor.hpp>
#include <switchboard/socket.hpp>

#include "connection_acceptor.hpp"
#include "loop/loop.hpp"

namespace switchboard::detail {

// The options for opening a listening socket. take_listener() checks a socket that already listens and
// applies the options to it.
SocketOptions socket_options(const ListenOptions& options);
Result<Socket> take_listener(Socket socket, const ListenOptions& options);

// Accepts at most max_accepts_per_turn connections per turn, and at most accepts_per_second. If accept
// fails, usually because descriptors or memory have run out, it pauses, so that the backlog, which stays
// readable, does not keep the loop busy. The waiting connections are accepted later. Call close() to close a
// listener; the callback passed to it destroys the listener.
class Listener {
public:
    // Starts timers for pauses by calling `after`.
    using After = std::function<TimerId(std::chrono::milliseconds, Reactor::Callback)>;

    Listener(Loop& loop, Socket socket, Endpoint local,
             std::unique_ptr<ConnectionAcceptor> acceptor, ListenOptions options, After after,
             const SourceLocation& location);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::error_code start();
    void close(std::function<void()> closed);  // calls `closed` after the events of this turn
    void hold(bool held);                      // the host pauses or resumes it
    void forget_users();                       // after close(): destroys the user's callbacks
    bool is_closed() const noexcept { return !socket_; }
    const Endpoint& local() const noexcept { return local_; }
    int fd() const noexcept { return socket_.fd(); }
    TimerId pause() const noexcept { return pause_; }
    LiveHandle live() const;
    // For a group: returns whether another reactor has taken the socket.
    std::function<bool(AcceptedSocket&)> hand_off;

private:
    static void on_poll(uv_poll_t* handle, int status, int events);
    void watch(int events);
    bool rests() const noexcept { return held_ || pause_ != TimerId{}; }
    void pause_for(std::chrono::milliseconds time);
    void accept_ready();
    bool accept_one();
    void accept_later(std::error_code error);

    Loop& loop_;
    const Creation made_;
    Socket socket_;
    Endpoint local_;
    std::unique_ptr<ConnectionAcceptor> acceptor_;
    ListenOptions options_;
    After after_;
    TimerId pause_;
    std::size_t burst_ = 1;  // most connections to accept in the next turn
    bool held_ = false;
};

}  // namespace switchboard::detail

// ConnectionPool: keeps client connections open and lends them to one user after another.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>

namespace switchboard {

struct PoolOptions {
    // Most connections to one endpoint: in use, idle and connecting together.
    std::size_t max_per_endpoint = 8;
    std::chrono::milliseconds idle_timeout{60'000};  // closes idle connections; zero: never
    // Called for an idle connection right before it is lent. If it returns false, the connection is closed
    // and the next one is tried. It may destroy the pool.
    std::function<bool(Connection&)> healthy = {};
    ConnectOptions connect = {};  // for each connect; its hooks are called, too
};

// Lends connections, each to one user at a time. Threading: the reactor's thread only. Lifetime: the reactor
// must outlive the pool. An idle connection is closed at once, and never lent, if its peer closes it or
// sends something, if its max_connection_age is over, or if a user has shut down its output. The pool
// remembers each endpoint that was ever asked for.
class ConnectionPool {
    struct State;
    struct Place;

public:
    // The right to use one connection. Give the connection a protocol with switch_to(); this protocol gets
    // on_close({}) when the connection is released. Move-only. The destructor closes a connection that was
    // neither released nor discarded. A Lease may outlive the pool.
    class Lease {
    public:
        Lease() = default;
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&& other) noexcept;
        ~Lease() { discard(); }

        ConnectionId id() const noexcept { return id_; }
        Connection* connection() const noexcept;  // null once it is closed, released or discarded
        // Gives the connection back to the pool. Call it when no exchange is in progress: if bytes of the
        // peer are unread, or come later, the connection is closed. May be called from a callback of its
        // protocol.
        void release();
        void discard();  // closes the connection

    private:
        friend ConnectionPool;
        Lease(std::shared_ptr<State> state, Place& place, ConnectionId id);
        std::shared_ptr<State> state_;
        Place* place_ = nullptr;
        ConnectionId id_;
    };
    using AcquireCallback = std::function<void(Result<Lease>)>;

    explicit ConnectionPool(Reactor& reactor, PoolOptions options = {});
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;
    // Closes the idle connections, and calls the callbacks that still wait with errc::stopping.
    ~ConnectionPool();

    // Asks for a connection to `endpoint`. `lent` is called once, from within run(), never from within this
    // call, in the order of the calls for one endpoint. If connections are idle, it gets the one used last.
    // Errors: std::errc::timed_out after `timeout` (zero: no limit); the error of a failed connect, which
    // goes to the caller that has waited longest. An exception from `lent` is logged.
    void acquire(const Endpoint& endpoint, std::chrono::milliseconds timeout, AcquireCallback lent);

    struct Counts {
        // in_use: lent, or still closing. waiting: acquire() calls without an answer.
        std::size_t in_use = 0, idle = 0, connecting = 0, waiting = 0;
    };
    Counts counts(const Endpoint& endpoint) const;

private:
    std::shared_ptr<State> state_;
};

}  // namespace switchboard

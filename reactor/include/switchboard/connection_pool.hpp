// Connections that are kept for the next who needs one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>

namespace switchboard {

struct PoolOptions {
    std::size_t most = 8;  // connections to one endpoint: lent, idle and being made together
    std::chrono::milliseconds idle_time{60'000};  // unused so long, one is closed; zero: never
    // Asked of an idle connection right before it is lent; false closes it, and the next is tried. It
    // may destroy the pool.
    std::function<bool(Connection&)> healthy = {};
    ConnectOptions connect = {};  // for each; its hooks are called, too
};

// Lends connections, each to one borrower at a time. For the reactor's thread; the reactor must
// outlive it. An idle connection that its peer closes, on which it says something unasked, whose
// lifetime is over or whose output a borrower ended, is closed at once and never lent. Each endpoint
// that was ever asked for is remembered.
class ConnectionPool {
    struct State;
    struct Place;

public:
    // The right to use one connection: give it a protocol of yours with switch_to(), whose on_close({})
    // comes when it is given back. Move-only; one that is neither given back nor discarded closes the
    // connection in its destructor. May outlive the pool.
    class Lease {
    public:
        Lease() = default;
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&& other) noexcept;
        ~Lease() { discard(); }

        ConnectionId id() const noexcept { return id_; }
        Connection* connection() const noexcept;  // null once it is closed or no longer lent
        // For the next, once nothing is under way on it. Bytes of the peer that were not used, or are
        // still to come, cost the connection. Also from within a callback of its protocol.
        void give_back();
        void discard();  // closes it

    private:
        friend ConnectionPool;
        Lease(std::shared_ptr<State> state, Place& place, ConnectionId id);
        std::shared_ptr<State> state_;
        Place* place_ = nullptr;
        ConnectionId id_;
    };
    using Lent = std::function<void(Result<Lease>)>;

    explicit ConnectionPool(Reactor& reactor, PoolOptions options = {});
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;
    // Closes what is idle. Those who wait have errc::stopping, from within.
    ~ConnectionPool();

    // `lent` comes once, from within run(), never from within this call, in the order of the calls for
    // one endpoint: with a connection, the one used last if any is idle; with std::errc::timed_out
    // after `patience` (zero: no limit); or with why a connect failed, which is told to the one who
    // waits longest. What it throws is logged.
    void borrow(const Endpoint& endpoint, std::chrono::milliseconds patience, Lent lent);

    struct Counts {
        std::size_t lent = 0, idle = 0, connecting = 0, waiting = 0;  // lent: or still closing
    };
    Counts counts(const Endpoint& endpoint) const;

private:
    std::shared_ptr<State> state_;
};

}  // namespace switchboard

#include <switchboard/connection_pool.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "reactor_impl.hpp"

namespace switchboard {

// The connections to one endpoint. A connection that is neither idle nor connecting is lent.
struct ConnectionPool::Place {
    struct Waiter {
        AcquireCallback lent;
        TimerId timer;
    };

    Endpoint endpoint;
    std::size_t total = 0, connecting = 0;
    std::vector<ConnectionId> idle;  // the most recently used one is last
    std::list<Waiter> waiters;
    bool listed = false;  // serve() will be called at the end of the turn

    void leave_idle(ConnectionId id) { std::erase(idle, id); }
};

// Shared with leases, hooks and idle connections, which may outlive the pool.
struct ConnectionPool::State : std::enable_shared_from_this<State> {
    State(Reactor& r, PoolOptions o) : reactor(r), options(std::move(o)) {}

    Place& place(const Endpoint& endpoint);
    void wait(Place& place, std::chrono::milliseconds timeout, AcquireCallback lent);
    void came_back(Place& place, Connection& connection);
    void serve_later(Place& place);
    void serve(Place& place);
    ConnectionId take_idle(Place& place);
    bool is_healthy(ConnectionId id, Connection& connection);
    bool is_usable(ConnectionId id) const;
    void answer(Place& place, std::list<Place::Waiter>::iterator waiter, Result<Lease> result);
    void connect(Place& place);
    ConnectOptions hooked(Place& place);
    void ended(Place& place, bool connected, const Error& error);
    void close();
    static Result<Lease> stopping() { return fail(errc::stopping, "acquire a connection"); }

    Reactor& reactor;
    PoolOptions options;
    std::map<std::string, Place> places;
    bool closed = false;

    class Idle;
};

// The protocol of an idle connection. Any event on it makes the connection unusable.
class ConnectionPool::State::Idle final : public Protocol {
public:
    Idle(std::shared_ptr<State> state, Place& place) : state_(std::move(state)), place_(place) {}

    void on_open(Connection& c) override {
        c.set_deadline(detail::limit_after(c.now(), state_->options.idle_timeout));
        state_->came_back(place_, c);
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        leave(c, errc::malformed_message);
        return in.size();
    }
    void on_eof(Connection& c) override { leave(c, {}); }
    void on_deadline(Connection& c) override { leave(c, errc::idle_timed_out); }
    void on_shutdown(Connection& c) override { leave(c, {}); }

private:
    void leave(Connection& c, std::error_code why) {
        place_.leave_idle(c.id());
        c.close(why);
    }

    std::shared_ptr<State> state_;
    Place& place_;
};

ConnectionPool::Place& ConnectionPool::State::place(const Endpoint& endpoint) {
    Place& found = places[endpoint.to_string()];
    found.endpoint = endpoint;
    return found;
}

void ConnectionPool::State::wait(Place& place, std::chrono::milliseconds timeout,
                                 AcquireCallback lent) {
    if (closed) {  // called from a `lent` that the destructor called
        auto& loop = detail::access(reactor).loop;
        loop.at_end_of_turn([&loop, lent = std::move(lent)] {
            loop.guarded("acquire", [&] { lent(stopping()); });
        });
        return;
    }
    const auto waiter = place.waiters.insert(place.waiters.end(), {std::move(lent), {}});
    if (timeout.count() > 0) {
        waiter->timer = reactor.after(timeout, [self = shared_from_this(), &place, waiter] {
            self->answer(place, waiter,
                         fail(std::make_error_code(std::errc::timed_out),
                              "acquire a connection to " + place.endpoint.to_string()));
        });
    }
    serve_later(place);
}

// The user's protocol is already destroyed.
void ConnectionPool::State::came_back(Place& place, Connection& connection) {
    if (closed || !is_usable(connection.id())) return connection.close();
    place.idle.push_back(connection.id());
    serve_later(place);
}

void ConnectionPool::State::serve_later(Place& place) {
    if (std::exchange(place.listed, true)) return;
    detail::access(reactor).loop.at_end_of_turn([self = shared_from_this(), &place] {
        place.listed = false;
        if (!self->closed) self->serve(place);
    });
}

// acquire() calls from within a `lent` are served in the next turn. Otherwise a `lent` that calls it again
// after each error would keep the loop here.
void ConnectionPool::State::serve(Place& place) {
    std::size_t present = place.waiters.size();
    for (; present > 0; --present) {
        const ConnectionId id = take_idle(place);
        if (id == ConnectionId{}) break;
        answer(place, place.waiters.begin(), Lease(shared_from_this(), place, id));
        if (closed) return;
    }
    for (; present > 0 && place.waiters.size() > place.connecting &&
           place.total < options.max_per_endpoint;
         --present) {
        connect(place);
        if (closed) return;
    }
}

ConnectionId ConnectionPool::State::take_idle(Place& place) {
    while (!place.idle.empty()) {
        const ConnectionId id = place.idle.back();
        place.idle.pop_back();
        Connection* const connection = reactor.find(id);
        if (!connection) continue;
        const bool good = is_usable(id) && is_healthy(id, *connection);
        connection->set_deadline(Clock::time_point::max());
        if (good) return id;
        connection->close();
    }
    return {};
}

// The user's function may have closed the connection, or destroyed the pool.
bool ConnectionPool::State::is_healthy(ConnectionId id, Connection& connection) {
    if (!options.healthy) return true;
    bool healthy = false;
    detail::access(reactor).loop.guarded("healthy", [&] { healthy = options.healthy(connection); });
    return healthy && !closed && is_usable(id);
}

// Reactor::find() also returns connections that are closing. They can no longer be written to, and their
// protocol cannot be switched.
bool ConnectionPool::State::is_usable(ConnectionId id) const {
    detail::SocketConnection* const found = detail::access(reactor).loop.connections.find(id);
    return found && found->is_writable() && found->topmost();
}

void ConnectionPool::State::answer(Place& place, std::list<Place::Waiter>::iterator waiter,
                                   Result<Lease> result) {
    const AcquireCallback lent = std::move(waiter->lent);
    reactor.cancel(waiter->timer);
    place.waiters.erase(waiter);
    detail::access(reactor).loop.guarded("acquire", [&] { lent(std::move(result)); });
}

void ConnectionPool::State::connect(Place& place) {
    const auto started = reactor.connect(
        place.endpoint, std::make_unique<Idle>(shared_from_this(), place), hooked(place));
    if (!started) return answer(place, place.waiters.begin(), tl::unexpected(started.error()));
    ++place.total;
    ++place.connecting;
}

ConnectOptions ConnectionPool::State::hooked(Place& place) {
    ConnectOptions how = options.connect;
    const auto connected = std::make_shared<bool>(false);
    how.on_connected = [self = shared_from_this(), &place, connected](ConnectionId id) {
        *connected = true;
        --place.connecting;
        if (self->options.connect.on_connected) self->options.connect.on_connected(id);
    };
    how.on_ended = [self = shared_from_this(), &place, connected](const Error& error) {
        if (!*connected) --place.connecting;
        --place.total;
        self->ended(place, *connected, error);
        if (self->options.connect.on_ended) self->options.connect.on_ended(error);
    };
    return how;
}

void ConnectionPool::State::ended(Place& place, bool connected, const Error& error) {
    std::erase_if(place.idle, [&](ConnectionId id) { return !reactor.find(id); });
    if (closed) return;
    if (!connected && !place.waiters.empty())
        answer(place, place.waiters.begin(), tl::unexpected(error));
    if (!closed) serve_later(place);
}

void ConnectionPool::State::close() {
    closed = true;
    for (auto& [name, place] : places) {
        for (const ConnectionId id : std::exchange(place.idle, {}))
            if (Connection* const c = reactor.find(id)) c->close();
        while (!place.waiters.empty()) answer(place, place.waiters.begin(), stopping());
    }
}

ConnectionPool::Lease::Lease(std::shared_ptr<State> state, Place& place, ConnectionId id)
    : state_(std::move(state)), place_(&place), id_(id) {}

ConnectionPool::Lease::Lease(Lease&& other) noexcept
    : state_(std::move(other.state_)), place_(other.place_), id_(std::exchange(other.id_, {})) {}

ConnectionPool::Lease& ConnectionPool::Lease::operator=(Lease&& other) noexcept {
    if (this == &other) return *this;
    discard();
    state_ = std::move(other.state_);
    place_ = other.place_;
    id_ = std::exchange(other.id_, {});
    return *this;
}

Connection* ConnectionPool::Lease::connection() const noexcept {
    return state_ ? state_->reactor.find(id_) : nullptr;
}

void ConnectionPool::Lease::release() {
    const auto state = std::exchange(state_, nullptr);
    Connection* const c = state ? state->reactor.find(id_) : nullptr;
    if (c) c->switch_to(std::make_unique<State::Idle>(state, *place_));
}

void ConnectionPool::Lease::discard() {
    const auto state = std::exchange(state_, nullptr);
    if (Connection* const c = state ? state->reactor.find(id_) : nullptr) c->close();
}

ConnectionPool::ConnectionPool(Reactor& reactor, PoolOptions options)
    : state_(std::make_shared<State>(reactor, std::move(options))) {}

// The user's callbacks are destroyed while the pool can still be called, unless a connection that calls them
// lives on.
ConnectionPool::~ConnectionPool() {
    state_->close();
    if (state_.use_count() > 1) return;
    const auto options = std::exchange(state_->options, {});
}

void ConnectionPool::acquire(const Endpoint& endpoint, std::chrono::milliseconds timeout,
                             AcquireCallback lent) {
    state_->wait(state_->place(endpoint), timeout, std::move(lent));
}

ConnectionPool::Counts ConnectionPool::counts(const Endpoint& endpoint) const {
    const Place& p = state_->place(endpoint);
    const auto idle = static_cast<std::size_t>(std::count_if(
        p.idle.begin(), p.idle.end(), [&](ConnectionId id) { return state_->is_usable(id); }));
    return {p.total - p.connecting - idle, idle, p.connecting, p.waiters.size()};
}

}  // namespace switchboard

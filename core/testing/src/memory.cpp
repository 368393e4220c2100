#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <switchboard/testing/memory.hpp>

#include "memory_connection.hpp"

namespace switchboard::testing {

struct MemoryDriver::State {
    explicit State(const NetworkFaults& faults) : world(faults) {}

    MemoryConnection& add(std::unique_ptr<Protocol> protocol, const ConnectionLimits& limits) {
        const ConnectionId id{static_cast<std::uint32_t>(all.size()), 1};
        all.push_back(std::make_unique<MemoryConnection>(world, id, std::move(protocol), limits));
        live.push_back(all.back().get());
        return *live.back();
    }

    // Returns the connections of this turn in the order in which they are served.
    std::vector<MemoryConnection*> order() {
        std::vector<MemoryConnection*> result = live;
        if (!world.faults.reorder) return result;
        for (std::size_t i = result.size(); i > 1; --i)
            std::swap(result[i - 1], result[world.below(i)]);
        return result;
    }

    static void end(MemoryConnection& connection, errc why) {
        if (!connection.is_closed()) connection.end(why, true);
    }

    World world;
    // Not destroyed before the driver, because a MemoryPeer is valid as long.
    std::vector<std::unique_ptr<MemoryConnection>> all;
    std::vector<MemoryConnection*> live;
    bool turning = false;
};

MemoryDriver::MemoryDriver(NetworkFaults faults) : state_(std::make_unique<State>(faults)) {}

MemoryDriver::~MemoryDriver() {
    for (std::size_t i = 0; i < state_->all.size(); ++i)
        state_->end(*state_->all[i], errc::stopping);
}

MemoryPeer& MemoryDriver::connect(std::unique_ptr<Protocol> protocol,
                                  const ConnectionLimits& limits) {
    const bool refused = protocol == nullptr;
    MemoryConnection& connection = state_->add(std::move(protocol), limits);
    if (refused) state_->end(connection, errc::handler_failed);
    return connection.test_peer();
}

MemoryPeer& MemoryDriver::connect(const ProtocolFactory& factory, const ConnectionLimits& limits) {
    std::unique_ptr<Protocol> protocol;
    try {
        protocol = factory();
    } catch (...) {  // refuses this connection, as if it had returned null
    }
    return connect(std::move(protocol), limits);
}

void MemoryDriver::join(std::unique_ptr<Protocol> left, std::unique_ptr<Protocol> right,
                        const ConnectionLimits& limits, std::size_t window) {
    MemoryConnection& l = state_->add(std::move(left), limits);
    MemoryConnection& r = state_->add(std::move(right), limits);
    l.join(r, window);
    r.join(l, window);
}

bool MemoryDriver::turn() {
    assert(!state_->turning && "a callback may not run its own driver");
    State& s = *state_;
    ++s.world.turn;
    s.world.happened = false;
    s.turning = true;
    const auto order = s.order();
    for (MemoryConnection* connection : order) connection->serve();
    for (MemoryConnection* connection : order) connection->end_turn();
    if (s.live.size() > order.size()) s.world.happened = true;
    std::erase_if(s.live, [](const MemoryConnection* c) { return c->is_closed(); });
    s.turning = false;
    return s.world.happened;
}

void MemoryDriver::run(std::size_t most_turns) {
    for (std::size_t i = 0; i < most_turns; ++i)
        if (!turn()) return;
    throw std::runtime_error("still busy after " + std::to_string(most_turns) + " turns (seed " +
                             std::to_string(seed()) + ")");
}

void MemoryDriver::advance(std::chrono::nanoseconds by) {
    const Clock::time_point target = now() + by;
    for (run(); now() < target; run()) {
        Clock::time_point next = target;
        for (const MemoryConnection* c : state_->live) next = std::min(next, c->next_timeout());
        state_->world.now = std::max(now(), next);
    }
}

void MemoryDriver::drain() {
    state_->world.draining = true;
}

Clock::time_point MemoryDriver::now() const {
    return state_->world.now;
}

std::size_t MemoryDriver::open() const {
    return static_cast<std::size_t>(std::count_if(state_->live.begin(), state_->live.end(),
                                                  [](auto* c) { return !c->is_closed(); }));
}

Connection* MemoryDriver::find(ConnectionId id) {
    if (id.generation != 1 || id.slot >= state_->all.size()) return nullptr;
    MemoryConnection& connection = *state_->all[id.slot];
    return connection.topmost();
}

std::uint64_t MemoryDriver::seed() const {
    return state_->world.faults.seed;
}

MemoryPeer& MemoryPeer::send(std::string_view text) {
    connection_.arrived().push(as_bytes(text));
    return *this;
}
void MemoryPeer::shutdown_write() {
    connection_.arrived().eof = true;
}
void MemoryPeer::reset() {
    connection_.arrived().reset = true;
}
void MemoryPeer::set_window(std::size_t bytes) {
    connection_.far().window = bytes;
}
const std::string& MemoryPeer::received() const {
    return connection_.far().text();
}
std::string MemoryPeer::take_received() {
    return std::exchange(connection_.far().text(), {});
}
bool MemoryPeer::saw_eof() const {
    return connection_.far().eof;
}
bool MemoryPeer::saw_reset() const {
    return connection_.far().reset;
}
bool MemoryPeer::closed() const {
    return connection_.is_closed();
}
std::error_code MemoryPeer::close_reason() const {
    return connection_.close_reason();
}
const std::string& MemoryPeer::failure() const {
    return connection_.failure();
}
std::size_t MemoryPeer::queued() const {
    return connection_.queued();
}
std::size_t MemoryPeer::unread() const {
    return connection_.unread();
}
std::size_t MemoryPeer::write_calls() const {
    return connection_.write_calls();
}
std::size_t MemoryPeer::writes_after_close() const {
    return connection_.writes_after_close();
}
ConnectionId MemoryPeer::id() const {
    return connection_.id();
}

Connection* MemoryPeer::connection() {
    return connection_.topmost();
}

}  // namespace switchboard::testing

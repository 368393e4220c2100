#include <algorithm>
#include <cassert>
#include <deque>
#include <random>
#include <set>
#include <stdexcept>
#include <switchboard/testing/memory_datagrams.hpp>
#include <utility>

#include "datagram/port.hpp"

namespace switchboard::testing {
namespace {

constexpr std::size_t kMostWaiting = 256;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kLargest = 65'507;  // of UDP over IPv4

DatagramAddress literal(const Endpoint& at) {
    const auto peer = DatagramAddress::of(at);
    if (!peer) throw std::invalid_argument(peer.error().message());
    return *peer;
}

}  // namespace

struct MemoryPacket {
    DatagramAddress from, to;
    std::vector<std::byte> data;
};

// The state that sockets and hosts share.
struct MemoryNetwork::State {
    explicit State(const DatagramFaults& w) : faults(w), random(w.seed) {}

    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random() % bound); }
    bool happens(double chance) {
        return chance > 0 && static_cast<double>(random() >> 11) * 0x1p-53 < chance;
    }

    void post(MemoryPacket packet);
    void deliver(MemoryPacket packet);
    void move_packets();
    bool serve();

    DatagramFaults faults;
    std::mt19937_64 random;
    Clock::time_point now{std::chrono::hours(1)};
    std::vector<MemoryPacket> under_way;
    std::vector<std::unique_ptr<MemorySocket::Port>> ports;
    std::vector<std::unique_ptr<MemorySocket>> sockets;
    std::vector<std::unique_ptr<MemoryHost>> hosts;
};

class MemorySocket::Port final : public detail::DatagramPort {
public:
    Port(MemoryNetwork::State& network, std::unique_ptr<DatagramProtocol> protocol,
         const Endpoint& at, const DatagramLimits& limits, const Endpoint& peer)
        : DatagramPort(std::move(protocol), limits,
                       peer.kind() == Endpoint::Kind::none ? DatagramAddress() : literal(peer)),
          network_(network),
          local_(at),
          peer_(peer),
          at_(literal(at)) {}

    Clock::time_point now() const override { return network_.now; }
    Result<void> set(DatagramOption option, int value) override;
    Result<void> join(const DatagramAddress& group, const std::string&) override;
    Result<void> leave(const DatagramAddress& group, const std::string&) override;
    const Endpoint& local() const override { return local_; }
    const Endpoint& peer() const override { return peer_; }

    bool serve(std::size_t most);  // returns whether anything happened
    bool accepts(const MemoryPacket& packet) const;
    void take(const MemoryPacket& packet);
    const DatagramAddress& at() const noexcept { return at_; }
    void refused() {
        if (connected() && !is_closed())
            note_earlier(std::make_error_code(std::errc::connection_refused));
    }

    bool blocked = false;
    std::error_code send_error;

private:
    void transmit() override;
    void schedule_end_of_turn() override { asked_ = true; }

    MemoryNetwork::State& network_;
    Endpoint local_, peer_;
    DatagramAddress at_;
    std::set<std::string> groups_;
    std::deque<MemoryPacket> inbox_;
    bool asked_ = true;  // settle() is due
};

Result<void> MemorySocket::Port::set(DatagramOption option, int value) {
    const bool flag =
        option == DatagramOption::multicast_loop || option == DatagramOption::broadcast;
    const int least = option == DatagramOption::ttl ? 1 : 0;
    if (value >= least && value <= (flag ? 1 : 255)) return {};
    return fail(errc::bad_option, "set an option to " + std::to_string(value));
}

Result<void> MemorySocket::Port::join(const DatagramAddress& group, const std::string&) {
    if (groups_.insert(group.endpoint().host()).second) return {};
    return fail(std::make_error_code(std::errc::address_in_use), "join");
}

Result<void> MemorySocket::Port::leave(const DatagramAddress& group, const std::string&) {
    if (groups_.erase(group.endpoint().host()) == 1) return {};
    return fail(std::make_error_code(std::errc::address_not_available), "leave");
}

bool MemorySocket::Port::accepts(const MemoryPacket& packet) const {
    if (is_closed() || (connected() && !(packet.from == connected()))) return false;
    const bool member =
        packet.to.port() == at_.port() && groups_.contains(packet.to.endpoint().host());
    return packet.to == at_ || member;
}

void MemorySocket::Port::take(const MemoryPacket& packet) {
    if (inbox_.size() < kMostWaiting) inbox_.push_back(packet);
}

void MemorySocket::Port::transmit() {
    while (!blocked && !queue().empty()) {
        const auto& entry = queue().at(0);
        const DatagramAddress to = entry.to ? entry.to : connected();
        const Bytes data = queue().bytes(entry);
        if (send_error || data.size() > kLargest || !to) {
            const auto size = std::make_error_code(std::errc::message_size);
            const auto unaddressed = std::make_error_code(std::errc::destination_address_required);
            note(send_error ? send_error : to ? size : unaddressed, to, data.size());
        } else {
            network_.post({at_, to, {data.begin(), data.end()}});
        }
        queue().pop();
    }
}

bool MemorySocket::Port::serve(std::size_t most) {
    if (is_closed()) return false;
    bool happened = std::exchange(asked_, false);
    open();
    if (next_timer() <= now()) {
        expire(now());
        happened = true;
    }
    std::vector<MemoryPacket> taken;
    for (; reads() && !inbox_.empty() && taken.size() < most; inbox_.pop_front())
        taken.push_back(std::move(inbox_.front()));
    std::vector<Datagram> batch;
    for (MemoryPacket& packet : taken) {
        if (packet.data.size() > limits().max_datagram)
            note(errc::datagram_truncated, packet.from, packet.data.size());
        else
            batch.push_back({packet.data, packet.from});
    }
    if (!batch.empty()) receive(batch);
    asked_ = settle() || asked_;
    return happened || !taken.empty() || asked_;
}

// Loss and duplication are decided when a packet is sent, so that a replay does not depend on the receivers.
void MemoryNetwork::State::post(MemoryPacket packet) {
    if (happens(faults.loss)) return;
    if (happens(faults.duplicate)) under_way.push_back(packet);
    under_way.push_back(std::move(packet));
}

void MemoryNetwork::State::deliver(MemoryPacket packet) {
    bool anyone = false;
    for (const auto& port : ports) {
        if (!port->accepts(packet)) continue;
        port->take(packet);
        anyone = true;
    }
    for (const auto& host : hosts) {
        if (!(host->at_ == packet.to)) continue;
        host->received_.push_back({packet.from.endpoint(), std::string(as_text(packet.data))});
        anyone = true;
    }
    if (anyone) return;
    for (const auto& port : ports)
        if (port->at() == packet.from) port->refused();
}

void MemoryNetwork::State::move_packets() {
    std::vector<MemoryPacket> now_here = std::exchange(under_way, {});
    if (faults.reorder) std::shuffle(now_here.begin(), now_here.end(), random);
    for (MemoryPacket& packet : now_here) {
        if (faults.reorder && below(4) == 0)
            under_way.push_back(std::move(packet));
        else
            deliver(std::move(packet));
    }
}

bool MemoryNetwork::State::serve() {
    bool happened = false;
    for (std::size_t next = 0; next < ports.size();)  // callbacks may open more
        happened = ports[next++]->serve(faults.reorder ? 1 + below(kBatch) : kBatch) || happened;
    return happened;
}

MemoryNetwork::MemoryNetwork(DatagramFaults faults) : state_(std::make_unique<State>(faults)) {}

MemoryNetwork::~MemoryNetwork() {
    auto& ports = state_->ports;  // on_close may open more
    for (std::size_t next = 0; next < ports.size();) ports[next++]->finish(errc::stopping);
}

MemorySocket& MemoryNetwork::open(std::unique_ptr<DatagramProtocol> protocol, const Endpoint& at,
                                  const DatagramLimits& limits, const Endpoint& peer) {
    assert(protocol);
    state_->ports.push_back(
        std::make_unique<MemorySocket::Port>(*state_, std::move(protocol), at, limits, peer));
    state_->sockets.emplace_back(new MemorySocket(*state_->ports.back()));
    return *state_->sockets.back();
}

MemoryHost& MemoryNetwork::host(const Endpoint& at) {
    state_->hosts.emplace_back(new MemoryHost(*this, at));
    return *state_->hosts.back();
}

bool MemoryNetwork::turn() {
    const bool moved = !state_->under_way.empty();
    state_->move_packets();
    return state_->serve() || moved || !state_->under_way.empty();
}

void MemoryNetwork::run(std::size_t most_turns) {
    for (std::size_t i = 0; i < most_turns; ++i)
        if (!turn()) return;
    throw std::runtime_error("still busy after " + std::to_string(most_turns) + " turns (seed " +
                             std::to_string(seed()) + ")");
}

void MemoryNetwork::advance(std::chrono::nanoseconds by) {
    const Clock::time_point target = now() + by;
    for (run(); now() < target; run()) {
        Clock::time_point next = target;
        for (const auto& port : state_->ports) next = std::min(next, port->next_timer());
        state_->now = std::max(now(), next);
    }
}

Clock::time_point MemoryNetwork::now() const {
    return state_->now;
}
std::uint64_t MemoryNetwork::seed() const {
    return state_->faults.seed;
}

DatagramSocket* MemorySocket::socket() {
    return port_.is_open() ? &port_ : nullptr;
}
bool MemorySocket::closed() const {
    return port_.is_closed();
}
std::error_code MemorySocket::close_reason() const {
    return port_.reason();
}
const std::string& MemorySocket::failure() const {
    return port_.failure();
}
std::size_t MemorySocket::queued() const {
    return port_.queued();
}
void MemorySocket::block(bool blocked) {
    port_.blocked = blocked;
}
void MemorySocket::fail_sends(std::error_code error) {
    port_.send_error = error;
}

MemoryHost::MemoryHost(MemoryNetwork& network, const Endpoint& at)
    : network_(network), at_(literal(at)) {}

void MemoryHost::send(const Endpoint& to, std::string_view data) {
    const Bytes bytes = as_bytes(data);
    network_.state_->post({at_, literal(to), {bytes.begin(), bytes.end()}});
}

std::vector<std::string> MemoryHost::take_received() {
    std::vector<std::string> data;
    for (const Received& each : std::exchange(received_, {})) data.push_back(each.data);
    return data;
}

}  // namespace switchboard::testing

// The in-memory driver for datagrams: a network without sockets, on a virtual clock, with weather.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <switchboard/datagram.hpp>
#include <switchboard/limits.hpp>
#include <vector>

namespace switchboard::testing {

// What the network does to datagrams. All off by default: everything arrives once, in order, in the
// next turn. With the same seed and the same calls the same happens again.
struct DatagramWeather {
    std::uint64_t seed = 0;
    double loss = 0.0;     // chance that one is lost, in [0, 1]
    double repeat = 0.0;   // chance that one comes twice
    bool reorder = false;  // those under way arrive in random order, some of them turns later, and
                           // in batches of random size
};

// One socket with its protocol. Valid as long as its network.
class MemorySocket {
public:
    DatagramSocket*
    socket();  // for sends from outside callbacks; null before on_open, and once closed
    bool closed() const;
    std::error_code close_reason() const;
    const std::string& failure() const;      // why errc::handler_failed
    std::size_t queued() const;              // bytes, 64 for each datagram included
    void block(bool blocked);                // the system takes nothing of it until unblocked
    void fail_sends(std::error_code error);  // each send meets with it, until called with {}

    class Port;

private:
    friend class MemoryNetwork;
    explicit MemorySocket(Port& port) : port_(port) {}
    Port& port_;
};

// An address that the test plays.
class MemoryHost {
public:
    struct Received {
        Endpoint from;
        std::string data;
    };
    void send(const Endpoint& to, std::string_view data);
    const std::vector<Received>& received() const { return received_; }
    std::vector<std::string> take_received();  // the data alone; and empties it

private:
    friend class MemoryNetwork;
    MemoryHost(class MemoryNetwork& network, const Endpoint& at);
    MemoryNetwork& network_;
    DatagramPeer at_;
    std::vector<Received> received_;
};

// One thread. Nothing happens but inside turn(), run(), advance() and the destructor, which closes what
// is left with errc::stopping. Limits, marks and time-outs are those of the reactor. A socket holds 256
// datagrams that are not received yet and loses the others. A connected socket that sends to an
// address where nobody is hears connection_refused. Groups can be joined, and get what is sent to them;
// other options are checked and change nothing.
class MemoryNetwork {
public:
    explicit MemoryNetwork(DatagramWeather weather = {});
    ~MemoryNetwork();
    MemoryNetwork(const MemoryNetwork&) = delete;
    MemoryNetwork& operator=(const MemoryNetwork&) = delete;

    // Bound to `at`, a udp endpoint with a literal address; connected, if `peer` is given. Addresses are
    // used once.
    MemorySocket& open(std::unique_ptr<DatagramProtocol> protocol, const Endpoint& at,
                       const Limits& limits = {}, const Endpoint& peer = {});
    MemoryHost& host(const Endpoint& at);

    bool turn();                                   // one turn; whether anything happened
    void run(std::size_t most_turns = 1'000'000);  // until nothing happens; throws if it never ends
    void advance(std::chrono::nanoseconds by);     // stopping at each deadline on the way
    Clock::time_point now() const;
    std::uint64_t seed() const;  // name it in a failure: the run replays from it

private:
    friend class MemorySocket::Port;
    friend class MemoryHost;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace switchboard::testing

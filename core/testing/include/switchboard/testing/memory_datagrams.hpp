// The in-memory driver for datagrams: a network without sockets, on a virtual clock, with simulated faults.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <switchboard/datagram.hpp>
#include <switchboard/limits.hpp>
#include <vector>

namespace switchboard::testing {

// Faults of the simulated network. Default: none; each datagram arrives once, in order, in the next turn. The
// same seed and the same calls give the same run again.
struct DatagramFaults {
    std::uint64_t seed = 0;
    double loss = 0.0;       // chance that a datagram is lost, in [0, 1]
    double duplicate = 0.0;  // chance that a datagram arrives twice, in [0, 1]
    // Datagrams arrive in random order, some of them turns later, and in batches of random size.
    bool reorder = false;
};

// One socket with its protocol. Lifetime: valid as long as its network.
class MemorySocket {
public:
    // Returns the socket, to send from outside its callbacks. Null before on_open and after on_close.
    DatagramSocket* socket();
    bool closed() const;
    std::error_code close_reason() const;
    const std::string& failure() const;      // the reason for errc::handler_failed
    std::size_t queued() const;              // bytes, plus 64 for each datagram
    void block(bool blocked);                // while true, the system takes no datagram
    void fail_sends(std::error_code error);  // each send fails with `error`; {} ends this

    class Port;

private:
    friend class MemoryNetwork;
    explicit MemorySocket(Port& port) : port_(port) {}
    Port& port_;
};

// A host that is controlled by the test. It has one address.
class MemoryHost {
public:
    struct Received {
        Endpoint from;
        std::string data;
    };
    void send(const Endpoint& to, std::string_view data);
    const std::vector<Received>& received() const { return received_; }
    std::vector<std::string> take_received();  // returns the data and empties received()

private:
    friend class MemoryNetwork;
    MemoryHost(class MemoryNetwork& network, const Endpoint& at);
    MemoryNetwork& network_;
    DatagramAddress at_;
    std::vector<Received> received_;
};

// Callbacks run only inside turn(), run(), advance() and the destructor, which ends the sockets that are
// left with errc::stopping. Limits, marks and time-outs work as in the reactor. A socket holds 256 datagrams
// that are not received yet; more are lost. A connected socket that sends to an address without a socket or
// host gets connection_refused. Groups can be joined, and their members get what is sent to them. Other
// options are checked and have no effect. Threading: one thread.
class MemoryNetwork {
public:
    explicit MemoryNetwork(DatagramFaults faults = {});
    ~MemoryNetwork();
    MemoryNetwork(const MemoryNetwork&) = delete;
    MemoryNetwork& operator=(const MemoryNetwork&) = delete;

    // Opens a socket bound to `at`, a udp endpoint with a literal address, and connects it to `peer` if
    // given. Use each address only once.
    MemorySocket& open(std::unique_ptr<DatagramProtocol> protocol, const Endpoint& at,
                       const DatagramLimits& limits = {}, const Endpoint& peer = {});
    MemoryHost& host(const Endpoint& at);

    bool turn();  // runs one turn; returns whether anything happened
    // Runs turns until nothing happens. Throws std::runtime_error after `most_turns`.
    void run(std::size_t most_turns = 1'000'000);
    // Advances the clock, stopping at each deadline on the way, and runs what is due.
    void advance(std::chrono::nanoseconds by);
    Clock::time_point now() const;
    std::uint64_t seed() const;  // print it in a failure: it reproduces the run

private:
    friend class MemorySocket::Port;
    friend class MemoryHost;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace switchboard::testing

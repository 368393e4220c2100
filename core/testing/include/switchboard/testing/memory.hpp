// The in-memory driver: runs protocols without sockets, on a virtual clock, with a seeded scheduler.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::testing {

// Faults of the simulated network. Default: none; everything arrives whole, in the order of the connects. The
// same seed and the same calls give the same run again.
struct NetworkFaults {
    std::uint64_t seed = 0;
    bool short_reads = false;   // a read returns 1..n of the n available bytes
    bool short_writes = false;  // a write takes 0..n of n bytes; the rest is sent later
    bool reorder = false;       // ready connections are served in random order
    double reset_chance = 0.0;  // chance in [0, 1] of a reset by the peer, per turn and connection
};

class MemoryConnection;

// The peer of one connection, controlled by the test. Lifetime: valid as long as its driver.
class MemoryPeer {
public:
    // Actions of the peer. The protocol sees them in the driver's next turn.
    MemoryPeer& send(std::string_view text);
    void shutdown_write();  // sends FIN
    void reset();           // sends RST: the protocol gets on_close(connection_reset)
    // Sets how many bytes the peer's buffers hold. Default: unlimited. received() is the content of the
    // buffers. When it is that long, the buffers are full until take_received() or a larger window makes
    // room.
    void set_window(std::size_t bytes);

    // What the peer has received.
    const std::string& received() const;
    std::string take_received();  // returns received() and empties it
    bool saw_eof() const;         // the protocol sent FIN or closed
    bool saw_reset() const;       // the protocol aborted
    // The state of the protocol.
    bool closed() const;                   // on_close was called
    std::error_code close_reason() const;  // the argument of on_close
    // The reason for errc::handler_failed: see ProtocolRunner::failure().
    const std::string& failure() const;
    std::size_t queued() const;       // written bytes that the peer has not taken, without files
    std::size_t unread() const;       // bytes sent that the protocol has not used yet
    std::size_t write_calls() const;  // simulated system calls: flushes that moved bytes
    // Writes in a callback after the protocol's own close(), abort() or shutdown_write(). They are bugs.
    std::size_t writes_after_close() const;
    Connection* connection();  // like Reactor::find(): null once closed
    ConnectionId id() const;

private:
    friend class MemoryConnection;
    explicit MemoryPeer(MemoryConnection& connection) : connection_(connection) {}
    MemoryConnection& connection_;
};

// Callbacks run only inside run(), turn(), advance() and the destructor. The destructor ends the connections
// that are left with errc::stopping, so declare objects that an on_close uses before the driver. Threading:
// one thread.
class MemoryDriver {
public:
    explicit MemoryDriver(NetworkFaults faults = {});  // the clock does not start at zero
    ~MemoryDriver();
    MemoryDriver(const MemoryDriver&) = delete;
    MemoryDriver& operator=(const MemoryDriver&) = delete;

    MemoryPeer& connect(std::unique_ptr<Protocol> protocol, const ConnectionLimits& limits = {});
    MemoryPeer& connect(const ProtocolFactory& factory, const ConnectionLimits& limits = {});
    // Connects two protocols to each other over a link that holds `window` bytes in each direction.
    void join(std::unique_ptr<Protocol> left, std::unique_ptr<Protocol> right,
              const ConnectionLimits& limits = {}, std::size_t window = 64 * 1024);

    bool turn();  // runs one turn; returns whether anything happened
    // Runs turns until nothing happens. Throws std::runtime_error after `most_turns`.
    void run(std::size_t most_turns = 1'000'000);
    // Advances the clock, stopping at each deadline on the way, and runs what is due.
    void advance(std::chrono::nanoseconds by);
    Clock::time_point now() const;
    // Starts to drain in the next turn, permanently: all open and later connections get on_shutdown, and idle
    // ones are closed. There is no deadline; the test aborts the rest.
    void drain();

    std::size_t open() const;  // connections that are not closed yet
    Connection* find(ConnectionId id);
    std::uint64_t seed() const;  // print it in a failure: it reproduces the run

private:
    friend class MemoryConnection;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace switchboard::testing

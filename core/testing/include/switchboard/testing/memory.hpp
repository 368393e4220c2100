// The in-memory driver: protocols without sockets, on a virtual clock, with a seeded scheduler.
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

// What the simulated network does to people. All off by default: everything arrives whole, in the
// order of the connects. With the same seed and the same calls, the same happens again.
struct Weather {
    std::uint64_t seed = 0;
    bool short_reads = false;   // reads bring 1..n of the n bytes there are
    bool short_writes = false;  // writes take 0..n of n bytes; the rest goes later
    bool reorder = false;       // ready connections are served in random order
    double reset_chance = 0.0;  // per turn and connection: the peer resets, in [0, 1]
};

class MemoryConnection;

// The far end of one connection, played by the test. Valid as long as its driver.
class MemoryPeer {
public:
    // What the peer does; the protocol sees it in the driver's next turn.
    MemoryPeer& send(std::string_view text);
    void shutdown_write();  // FIN
    void reset();           // RST: on_close(connection_reset)
    // How many bytes its buffers hold; unlimited at first. received() is what is in them: they are
    // full when it is that long, until take_received() or a larger window makes room.
    void set_window(std::size_t bytes);

    // What the peer sees.
    const std::string& received() const;
    std::string take_received();  // and empties it
    bool saw_eof() const;         // the protocol's FIN, or its close
    bool saw_reset() const;       // the protocol's abort
    // What became of the protocol.
    bool closed() const;                   // on_close has been called
    std::error_code close_reason() const;  // what it was called with
    const std::string& failure() const;    // why errc::handler_failed: see Slot::failure()
    std::size_t queued() const;            // bytes the protocol wrote that the peer has not
                                           // taken, those of files not counted
    std::size_t unread() const;            // bytes sent and not yet used by the protocol
    std::size_t write_calls() const;       // "system calls": flushes that moved bytes
    std::size_t late_writes() const;       // writes in a callback after its own close(),
                                           // abort() or shutdown_write(): a bug of it
    Connection* connection();              // as Reactor::find(): null once closed
    ConnectionId id() const;

private:
    friend class MemoryConnection;
    explicit MemoryPeer(MemoryConnection& connection) : connection_(connection) {}
    MemoryConnection& connection_;
};

// One thread. Nothing happens but inside run(), turn(), advance() and the destructor, which closes
// what is left with errc::stopping: declare what a protocol's on_close uses before the driver.
class MemoryDriver {
public:
    explicit MemoryDriver(Weather weather = {});  // starts at a time that is not zero
    ~MemoryDriver();
    MemoryDriver(const MemoryDriver&) = delete;
    MemoryDriver& operator=(const MemoryDriver&) = delete;

    MemoryPeer& connect(std::unique_ptr<Protocol> protocol, const Limits& limits = {});
    MemoryPeer& connect(const ProtocolFactory& factory, const Limits& limits = {});
    // Two protocols that talk to each other over a link that holds `window` bytes each way.
    void join(std::unique_ptr<Protocol> left, std::unique_ptr<Protocol> right,
              const Limits& limits = {}, std::size_t window = 64 * 1024);

    bool turn();                                   // one turn; whether anything happened
    void run(std::size_t most_turns = 1'000'000);  // until nothing happens; throws if it never ends
    // Moves the clock, stopping at each deadline on the way, and runs what comes.
    void advance(std::chrono::nanoseconds by);
    Clock::time_point now() const;
    // From the next turn on it drains, for good: on_stop comes to those that are open and to each that
    // opens, and idle ones are closed. There is no deadline: whoever plays the server aborts the rest.
    void drain();

    std::size_t open() const;  // connections not closed yet
    Connection* find(ConnectionId id);
    std::uint64_t seed() const;  // name it in a failure: the run replays from it

private:
    friend class MemoryConnection;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace switchboard::testing

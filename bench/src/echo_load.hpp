// One closed-loop client of an echo server, and what all clients of a load share. Sans-I/O.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <switchboard/protocol.hpp>
#include <vector>

#include "histogram.hpp"
#include "pattern.hpp"

namespace switchboard::bench {

// How a connection can fail, for the counts.
enum class Failure : std::uint8_t { refused, reset, closed, timed_out, wrong_bytes, other };
constexpr std::size_t kFailures = 6;
const char* to_string(Failure failure) noexcept;  // "refused", "closed by the server", ...
Failure failure_of(std::error_code reason);       // what a connection ended with

using FailureCounts = std::array<std::size_t, kFailures>;

// What a load has seen. Exchanges, served and latencies are those of the current window, the rest
// counts from the start.
struct Tally {
    std::uint64_t exchanges = 0;
    std::size_t served = 0;  // connections with at least one whole reply in the window
    Histogram latency;       // nanoseconds from the send of a message to its last byte back
    std::size_t connected = 0;
    std::size_t answered = 0;  // connections that have had a reply at all
    std::size_t failed = 0;
    FailureCounts failures{};
    std::string first_failure;  // what the first one of kind `other` said
};

class EchoLoad;

// What the clients of one load share. It outlives them; one thread.
class Load {
public:
    // `clock` is asked twice a message at most; it must be finer than a message takes.
    Load(std::size_t size, std::size_t depth, std::function<Clock::time_point()> clock);

    // Every client makes one exchange when it is connected and then waits for start(), so that
    // a server that is slow to take connections is not measured while it does so. From start() on,
    // each keeps `depth` messages under way.
    void start();
    // What was counted before is forgotten. The first reply that comes `length` from now or later is
    // not counted: it stops the load and calls on_window_end. A timer alone would not do: one turn of
    // libuv's loop takes up to 48 times 1,024 events before it looks at its timers.
    void open_window(Clock::duration length);
    void stop() { stopped_ = true; }  // nothing is sent or counted any more
    // Counts a client whose connect failed at once, so that it never was; no on_change.
    void never_started(const std::string& message);

    std::size_t connects_ended() const noexcept { return connects_ended_; }  // well or not
    std::size_t decided() const noexcept { return decided_; }  // had a reply, or failed before one

    std::size_t size() const noexcept { return size_; }
    std::size_t depth() const noexcept { return depth_; }
    const Tally& tally() const noexcept { return tally_; }
    // Called when a client has connected, answered for the first time, or failed.
    std::function<void()> on_change;
    std::function<void()> on_window_end;

private:
    friend class EchoLoad;
    void enter(EchoLoad& client);
    void count_reply(EchoLoad& client, Clock::duration latency);
    void count_failure(Failure failure, const std::string& message);

    std::size_t size_, depth_;
    std::function<Clock::time_point()> clock_;
    Pattern pattern_;
    Tally tally_;
    std::vector<EchoLoad*> open_;  // by number; null when not open
    std::size_t connects_ended_ = 0, decided_ = 0;
    unsigned window_ = 1;
    Clock::time_point window_ends_ = Clock::time_point::max();
    bool started_ = false, stopped_ = false;
};

// Checks every byte that comes back; one that is wrong, or was not asked for, ends the connection.
class EchoLoad : public Protocol {
public:
    // `number`: which connection of the load this is, from 0. The driver must let depth * size
    // bytes be queued without a false from write().
    EchoLoad(Load& load, std::size_t number);

    void on_open(Connection& connection) override;
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_eof(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override;

private:
    friend class Load;
    void fill(Clock::time_point now);
    void complete(Clock::time_point now);
    void fail(Failure failure, const std::string& message);

    Load& load_;
    Connection* connection_ = nullptr;
    std::size_t number_;
    std::uint64_t entry_;
    std::uint64_t received_ = 0;              // bytes, all checked
    std::uint64_t sent_ = 0, completed_ = 0;  // messages
    std::vector<Clock::time_point> sent_at_;  // of the messages under way, by number modulo depth
    unsigned window_ = 0;                     // the last one in which it was counted as served
    bool failed_ = false;
};

}  // namespace switchboard::bench

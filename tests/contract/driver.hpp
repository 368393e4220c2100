// What the contract suite needs from a driver. To put one more under it: write a DriverUnderTest in a
// file of its own, and add its name to EVERY_DRIVER in drivers.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>

// The far end of one connection, played by the test. No call waits for longer than ten seconds.
class Peer {
public:
    enum class End { eof, reset, none };  // none: it was still open when the time was up

    virtual ~Peer() = default;
    virtual void send(std::string_view text) = 0;  // of any size; what the far end refuses is lost
    virtual void shutdown_write() = 0;
    virtual void reset() = 0;                            // RST
    virtual std::string receive(std::size_t count) = 0;  // that many bytes, or those until the end
    virtual std::string receive_all() = 0;               // until the end
    virtual End end() = 0;                               // how it ended, after those
    // Sends, reading as many bytes as are sent at the same time.
    virtual std::string round_trip(const std::string& text) = 0;
};

// Serves from start() to stop(), each called once at most.
class DriverUnderTest {
public:
    virtual ~DriverUnderTest() = default;
    virtual void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) = 0;
    virtual std::unique_ptr<Peer> connect() = 0;
    // Whether one more connect is refused; also yes where nothing listens that could be closed.
    virtual bool refuses() { return true; }
    virtual void begin_drain() {}  // returns at once; drain() follows
    // Drains with the limits' deadline, or ends all connections now; returns once none is left.
    virtual void drain() = 0;
    virtual void abort() = 0;
    // Moves a driver that has no thread of its own, and its clock a little; false if it has one.
    virtual bool pump() { return false; }
    // Its clock, and that so much of it goes by while nothing is done: as long as that, where it is the
    // system's.
    virtual switchboard::Clock::time_point now() const { return switchboard::Clock::now(); }
    virtual void pass(std::chrono::milliseconds time);
    // Whether a handler may wait for the test. It may not where it runs on the test's own thread.
    virtual bool has_thread() const { return true; }
    // So many bytes at least leave while the callback that writes them still runs.
    virtual std::size_t leaves_at_once() const { return 2 * 1024 * 1024; }
    // Where others than a connection's own callbacks reach it: runs `call` soon, on the driver's thread
    // and between callbacks; and finds a connection, for calls on that thread.
    virtual bool posts() const { return false; }
    virtual void post(std::function<void()>) {}
    virtual switchboard::Connection* find(switchboard::ConnectionId) { return nullptr; }
};

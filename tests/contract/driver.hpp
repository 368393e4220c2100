// What the contract suite needs from a driver. To add a driver, write a DriverUnderTest in a file of its
// own and add its name to EVERY_DRIVER in drivers.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>

// The far end of one connection, played by the test. No call waits for more than ten seconds.
class Peer {
public:
    enum class End { eof, reset, none };  // none: still open after ten seconds

    virtual ~Peer() = default;
    virtual void send(
        std::string_view text) = 0;  // of any size; bytes that the far end refuses are lost
    virtual void shutdown_write() = 0;
    virtual void reset() = 0;  // RST
    virtual std::string receive(
        std::size_t count) = 0;             // `count` bytes, or fewer if the connection ends
    virtual std::string receive_all() = 0;  // all bytes until the end
    virtual End end() = 0;                  // how the connection ended, after these bytes
    // Sends `text` and reads as many bytes at the same time.
    virtual std::string round_trip(const std::string& text) = 0;
};

// Serves from start() to stop(). Each of them is called at most once.
class DriverUnderTest {
public:
    virtual ~DriverUnderTest() = default;
    virtual void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) = 0;
    virtual std::unique_ptr<Peer> connect() = 0;
    // Returns whether a new connect is refused. Also true for a driver without a listener.
    virtual bool refuses() { return true; }
    virtual void begin_drain() {}  // returns at once; drain() follows
    // Drains within the deadline of the limits, or ends all connections now. Returns when no connection is
    // left.
    virtual void drain() = 0;
    virtual void abort() = 0;
    // Runs one step of a driver that has no thread of its own, and moves its clock a little. Returns false
    // if the driver has a thread.
    virtual bool pump() { return false; }
    // The driver's clock. pass() returns when that much time has passed on it, and does nothing meanwhile.
    // With the system clock this takes real time.
    virtual switchboard::Clock::time_point now() const { return switchboard::Clock::now(); }
    virtual void pass(std::chrono::milliseconds time);
    // Returns whether a handler may block until the test acts. It may not if it runs on the test's own
    // thread.
    virtual bool has_thread() const { return true; }
    // The least number of bytes that are sent while the callback that writes them still runs.
    virtual std::size_t leaves_at_once() const { return 2 * 1024 * 1024; }
    // Returns whether a handshake of TLS comes before the bytes of the handlers.
    virtual bool encrypts() const { return false; }
    // Returns whether the driver has post() and find(). post() runs `call` soon, on the driver's thread and
    // between callbacks. find() finds a connection, for calls on that thread.
    virtual bool posts() const { return false; }
    virtual void post(std::function<void()>) {}
    virtual switchboard::Connection* find(switchboard::ConnectionId) { return nullptr; }
};

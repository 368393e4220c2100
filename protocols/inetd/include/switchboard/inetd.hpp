// The small services of RFC 862 to 868 (May 1983), for testing a network. The services here are for TCP. They
// ignore input that they do not need, and close when the peer does. inetd_datagram.hpp has those for UDP.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <switchboard/protocol.hpp>

namespace switchboard {

class Registry;

// Returns the time of day for protocols, which have no clock of their own. Threading: called on the thread
// of the connection, so it must be thread-safe under drivers with several threads.
using WallClock = std::function<std::chrono::system_clock::time_point()>;
using WallTime = std::chrono::system_clock::time_point;

// RFC 862: sends its input back. The driver does not read from a peer that does not read, so memory is
// bounded by ConnectionLimits::high_water plus one read.
class Echo final : public Protocol {
public:
    std::size_t on_data(Connection& connection, MutableBytes in) override {
        connection.write(in);
        return in.size();
    }
};

// RFC 863: discards its input.
class Discard final : public Protocol {
public:
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
};

// RFC 864: sends lines of 72 characters and CR LF without end. Each line starts one character later in the
// ring of the 95 printable characters. It sends as fast as the peer reads, at most
// ConnectionLimits::high_water ahead.
class Chargen final : public Protocol {
public:
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
    void on_writable(Connection& connection) override;
    // True, because it would not get the FIN otherwise.
    bool reads_under_backpressure() const noexcept override { return true; }
};

// RFC 867: sends one line with the date and the time, and closes. The RFC does not prescribe a format and
// suggests "Tuesday, February 22, 1982 17:37:43-PST". This is that format, in UTC.
class Daytime final : public Protocol {
public:
    explicit Daytime(WallClock clock) : clock_(std::move(clock)) {}
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    WallClock clock_;
};
std::string daytime_text(WallTime when);  // without the line end

// RFC 868: sends the seconds since 1900-01-01 00:00 UTC as 32 bits, big-endian, and closes. The number wraps
// around on 2036-02-07; the RFC does not address this.
class Time final : public Protocol {
public:
    explicit Time(WallClock clock) : clock_(std::move(clock)) {}
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    WallClock clock_;
};

// RFC 865: sends one quote and CR LF, together at most 512 characters (a longer quote is cut), and closes.
class Qotd final : public Protocol {
public:
    using Choice =
        std::function<std::string_view()>;  // returns the quote of a connection: one line
    explicit Qotd(Choice choice) : choice_(std::move(choice)) {}
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    Choice choice_;
};
std::string_view quote_of(WallTime day);  // a built-in quote; changes every day, UTC

// Adds echo, discard, chargen, daytime, time and qotd (with quote_of()), for TCP and UDP, and coroutine-echo
// for TCP: the same as echo, written as a coroutine, to compare their costs. They have no
// options.
void register_inetd(Registry& registry, const WallClock& wall_clock);

}  // namespace switchboard

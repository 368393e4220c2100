// The small services of RFC 862 to 868 (May 1983): what one tries a network with. These are for TCP,
// ignore what they have no use for, and close when the peer does; inetd_datagram.hpp has those for UDP.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <switchboard/protocol.hpp>

namespace switchboard {

class Registry;

// Where protocols get the time of day from: they have no clock of their own. Called on the thread
// of the connection, so it must be thread-safe under the threaded drivers.
using WallClock = std::function<std::chrono::system_clock::time_point()>;
using WallTime = std::chrono::system_clock::time_point;

// RFC 862: sends back what it gets. A peer that does not read is not read from by the driver, so
// memory is bounded by Limits::high_water and one read.
class Echo final : public Protocol {
public:
    std::size_t on_data(Connection& connection, MutableBytes in) override {
        connection.write(in);
        return in.size();
    }
};

// RFC 863: throws away what it gets.
class Discard final : public Protocol {
public:
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
};

// RFC 864: lines of 72 characters and CR LF without end, each starting one character later in the
// ring of the 95 printable ones. As fast as the peer takes them, at most Limits::high_water ahead.
class Chargen final : public Protocol {
public:
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
    void on_drain(Connection& connection) override;
    bool reads_when_full() const noexcept override { return true; }  // or it would miss the FIN
};

// RFC 867: one line with date and time, then closes. The RFC leaves the form free and suggests
// "Tuesday, February 22, 1982 17:37:43-PST"; this is that one, in UTC.
class Daytime final : public Protocol {
public:
    explicit Daytime(WallClock clock) : clock_(std::move(clock)) {}
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    WallClock clock_;
};
std::string daytime_text(WallTime when);  // without the end of line

// RFC 868: the seconds since 1900-01-01 00:00 UTC as 32 bits, big-endian, then closes. They wrap
// round on 2036-02-07, and the RFC has no say in it.
class Time final : public Protocol {
public:
    explicit Time(WallClock clock) : clock_(std::move(clock)) {}
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    WallClock clock_;
};

// RFC 865: one quote and CR LF, at most 512 characters in all (a longer one is cut), then closes.
class Qotd final : public Protocol {
public:
    using Choice = std::function<std::string_view()>;  // the quote for one connection, one line
    explicit Qotd(Choice choice) : choice_(std::move(choice)) {}
    void on_open(Connection& connection) override;
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    Choice choice_;
};
std::string_view quote_of(WallTime day);  // of our own; another one every day, UTC

// Adds echo, discard, chargen, daytime, time and qotd (of the day), for TCP and UDP. None has options.
void register_inetd(Registry& registry, const WallClock& wall_clock);

}  // namespace switchboard

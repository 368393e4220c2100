// The small services over UDP: each datagram that comes is a question of its own, whatever is in it.
//
// They believe the source address, which anyone can forge. So an echo sends to a victim of the
// attacker's choice, chargen up to 512 times what it was sent, and two services that answer each other
// never stop (RFC 8085 section 3.1.1 and 5.1; CERT CA-1996-01). What is asked from the port of one of
// these services is not answered, which breaks the loop between well-known ports; it does not break
// others. Serve them on networks you trust, on the loopback address by default, and nowhere else.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <switchboard/datagram.hpp>
#include <switchboard/inetd.hpp>

namespace switchboard {

// Not from port 0, which is nobody's, nor 7, 13, 17, 19 or 37: a service there would answer back.
bool may_be_answered(const DatagramPeer& from) noexcept;

// RFC 862: sends each datagram back to where it came from. While more than high_water waits to be sent
// the driver receives none, so memory is bounded.
class EchoDatagrams final : public DatagramProtocol {
public:
    void on_datagram(DatagramSocket& socket, Datagram& in) override {
        if (may_be_answered(in.from)) socket.send(in.from, in.data);
    }
};

// RFC 863: throws away what it gets.
class DiscardDatagrams final : public DatagramProtocol {
public:
    void on_datagram(DatagramSocket&, Datagram&) override {}
};

// RFC 864: 0 to 512 characters of the same lines as over TCP, from a random place and of a random
// length ("a random number of characters"). The same seed gives the same answers.
class ChargenDatagrams final : public DatagramProtocol {
public:
    explicit ChargenDatagrams(std::uint32_t seed) : random_(seed) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    std::minstd_rand random_;
};

// RFC 867: date and time, as over TCP, with CR LF.
class DaytimeDatagrams final : public DatagramProtocol {
public:
    explicit DaytimeDatagrams(WallClock clock) : clock_(std::move(clock)) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    WallClock clock_;
};

// RFC 868: the four bytes.
class TimeDatagrams final : public DatagramProtocol {
public:
    explicit TimeDatagrams(WallClock clock) : clock_(std::move(clock)) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    WallClock clock_;
};

// RFC 865: one quote and CR LF, fewer than 512 characters in all (a longer one is cut).
class QotdDatagrams final : public DatagramProtocol {
public:
    explicit QotdDatagrams(Qotd::Choice choice) : choice_(std::move(choice)) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    Qotd::Choice choice_;
};

}  // namespace switchboard

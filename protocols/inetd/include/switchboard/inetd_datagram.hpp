// The small services over UDP. Each datagram is a request of its own, whatever its content.
//
// The services trust the source address, which anyone can forge. An attacker can make echo send to a victim
// of their choice, and chargen send up to 512 times the bytes that it gets. Two services that reply to each
// other never stop (RFC 8085 section 3.1.1 and 5.1; CERT CA-1996-01). Requests from the port of one of these
// services are not answered. This prevents loops between well-known ports, but no other loops. Serve them
// only on the loopback address or on networks that you trust.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>
#include <switchboard/datagram.hpp>
#include <switchboard/inetd.hpp>

namespace switchboard {

// Returns false for port 0, which no socket has, and for ports 7, 13, 17, 19 and 37, where a service would
// reply.
bool may_be_answered(const DatagramAddress& from) noexcept;

// RFC 862: sends each datagram back to its source. While more than high_water is queued, the driver receives
// nothing, so memory is bounded.
class EchoDatagrams final : public DatagramProtocol {
public:
    void on_datagram(DatagramSocket& socket, Datagram& in) override {
        if (may_be_answered(in.from)) socket.send(in.from, in.data);
    }
};

// RFC 863: discards its input.
class DiscardDatagrams final : public DatagramProtocol {
public:
    void on_datagram(DatagramSocket&, Datagram&) override {}
};

// RFC 864: sends 0 to 512 characters of the same lines as over TCP, from a random place and with a random
// length ("a random number of characters"). The same seed gives the same replies.
class ChargenDatagrams final : public DatagramProtocol {
public:
    explicit ChargenDatagrams(std::uint32_t seed) : random_(seed) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    std::minstd_rand random_;
};

// RFC 867: sends the date and the time as over TCP, with CR LF.
class DaytimeDatagrams final : public DatagramProtocol {
public:
    explicit DaytimeDatagrams(WallClock clock) : clock_(std::move(clock)) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    WallClock clock_;
};

// RFC 868: sends the same four bytes as over TCP.
class TimeDatagrams final : public DatagramProtocol {
public:
    explicit TimeDatagrams(WallClock clock) : clock_(std::move(clock)) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    WallClock clock_;
};

// RFC 865: sends one quote and CR LF, together fewer than 512 characters (a longer quote is cut).
class QotdDatagrams final : public DatagramProtocol {
public:
    explicit QotdDatagrams(Qotd::Choice choice) : choice_(std::move(choice)) {}
    void on_datagram(DatagramSocket& socket, Datagram& in) override;

private:
    Qotd::Choice choice_;
};

}  // namespace switchboard

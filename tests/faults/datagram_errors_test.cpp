// Errors of datagrams on real sockets: to which datagram each error is attributed, and what it costs.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <cerrno>
#include <cstring>
#include <switchboard/blocking.hpp>
#include <thread>

#include "datagram_ends.hpp"
#include "failing_send.hpp"
#include "network.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::FailingSend;
using test::handler;
using test::kLoopback;

namespace {

// Collects every error in order, as "earlier: message too long, 0 bytes".
class Told {
public:
    void operator()(const DatagramError& error) {
        text_ += error.earlier ? "earlier: " : "own: ";
        text_ += error.code.message() + ", " + std::to_string(error.size) + " bytes";
        if (error.count != 1) text_ += ", " + std::to_string(error.count) + " times";
        text_ += "; ";
    }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

// Receives all datagrams, as "one two ".
struct Taker {
    Taker() : socket(bind_datagram(kLoopback).value()) { REQUIRE(socket.set_timeouts(200ms, {})); }
    std::string all() const {
        std::string text;
        for (;;) {
            std::array<std::byte, 256> buffer{};
            const auto got = socket.receive(buffer);
            if (!got) return text;
            text += std::string(as_text(Bytes(buffer).first(*got))) + " ";
        }
    }
    Socket socket;
};

// Sends "1", "two" and "three" in one callback, while system calls fail with these errors. The datagrams
// are not joined, since each is longer than the one before.
void send_three(std::deque<int> errors, const std::string& told, const std::string& taken,
                std::size_t calls) {
    const Taker taker;
    const Socket socket = connect_datagram(taker.socket.local().value()).value();
    const Stop stop = Stop::create().value();
    Told errors_told;
    const FailingSend failing(std::move(errors));
    const auto served = serve_datagrams(
        socket,
        handler({.on_open =
                     [](DatagramSocket& s) {
                         for (const char* text : {"1", "two", "three"}) s.send(text);
                         s.set_deadline(s.now());
                     },
                 .on_error = [&](DatagramSocket&, const DatagramError& e) { errors_told(e); },
                 .on_deadline = [](DatagramSocket& s) { s.close(); }}),
        stop);
    CHECK(served.has_value());
    CHECK(errors_told.text() == told);
    CHECK(taker.all() == taken);
    CHECK(failing.calls() <= calls);
}

std::uint16_t checksum(const std::string& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, bytes.data() + i, sizeof word);
        sum += word;
    }
    while (sum > 0xFFFF) sum = (sum >> 16) + (sum & 0xFFFF);
    return static_cast<std::uint16_t>(~sum);
}

template <class Header>
std::string bytes_of(const Header& header) {
    return {reinterpret_cast<const char*>(&header), sizeof header};
}

// Reports to 127.0.0.1, as a router would, that its datagram from `from` to `to` did not arrive (RFC 792,
// "destination unreachable" with `code`). Needs root.
bool send_icmp(std::uint8_t code, std::uint16_t from, std::uint16_t to) {
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.tot_len = htons(sizeof ip + sizeof(udphdr));
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = ip.daddr = htonl(INADDR_LOOPBACK);
    udphdr udp{};
    udp.uh_sport = htons(from);
    udp.uh_dport = htons(to);
    udp.uh_ulen = htons(sizeof udp);
    icmphdr icmp{};
    icmp.type = ICMP_DEST_UNREACH;
    icmp.code = code;
    if (code == ICMP_FRAG_NEEDED) icmp.un.frag.mtu = htons(1200);
    icmp.checksum = checksum(bytes_of(icmp) + bytes_of(ip) + bytes_of(udp));
    const std::string message = bytes_of(icmp) + bytes_of(ip) + bytes_of(udp);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const Socket raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
    return ::sendto(raw.fd(), message.data(), message.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == static_cast<ssize_t>(message.size());
}

// ICMP arrives while a callback runs. The callback then sends a batch, which contains equal datagrams and
// one that is too large.
std::unique_ptr<DatagramProtocol> told_amid(std::uint8_t code, Told& told) {
    const auto sends_on = [code](DatagramSocket& s) {
        if (!send_icmp(code, s.local().port(), s.peer().port())) return s.abort(errc::unsupported);
        for (const char* text : {"two", "two", "two", "four", "five5"}) s.send(text);
        s.send(std::string(65'508, 'x'));
        s.send("six");
        s.set_deadline(s.now());
    };
    return handler(
        {.on_open =
             [](DatagramSocket& s) {
                 s.send("one");
                 s.set_deadline(s.now());
             },
         .on_error = [&](DatagramSocket&, const DatagramError& e) { told(e); },
         .on_deadline = [sends_on, step = 0](
                            DatagramSocket& s) mutable { step++ == 0 ? sends_on(s) : s.close(); }});
}

std::string after_icmp(std::uint8_t code, bool on_reactor) {
    const Taker taker;
    Told told;
    if (on_reactor) {
        Reactor reactor;
        if (!connect_datagram(reactor, taker.socket.local().value(), told_amid(code, told)))
            return "not connected";
        reactor.run();
    } else {
        const Socket socket = connect_datagram(taker.socket.local().value()).value();
        const Stop stop = Stop::create().value();
        if (!serve_datagrams(socket, told_amid(code, told), stop)) return "not served";
    }
    return told.text() + taker.all();
}

}  // namespace

TEST_CASE("datagrams: an ICMP error of an earlier datagram does not lose others, joined or not") {
    for (const bool on_reactor : {true, false}) {
        CAPTURE(on_reactor);
        const auto check = [&](std::uint8_t code, const std::string& earlier) {
            CAPTURE(int{code});
            CHECK_IN_NETWORK(test::in_network({}, [&] { return after_icmp(code, on_reactor); }),
                             "earlier: " + earlier +
                                 ", 0 bytes; own: Message too long, 65508 bytes; "
                                 "one two two two four five5 six ");
        };
        check(ICMP_PORT_UNREACH, "Connection refused");
        check(ICMP_FRAG_NEEDED, "Message too long");
        check(ICMP_PROT_UNREACH, "Protocol not available");
    }
}

TEST_CASE("datagrams: an error is attributed to a datagram only if it meets with it again") {
    const std::string earlier = "earlier: Connection refused, 0 bytes; ";
    send_three({ECONNREFUSED}, earlier, "1 two three ", 4);
    send_three({ECONNREFUSED, EHOSTUNREACH}, earlier + "earlier: No route to host, 0 bytes; ",
               "1 two three ", 5);
    send_three({EMSGSIZE, EMSGSIZE, EMSGSIZE}, "own: Message too long, 1 bytes; ", "two three ", 6);
    send_three({ECONNREFUSED, EMSGSIZE, EMSGSIZE}, earlier + "own: Message too long, 1 bytes; ",
               "two three ", 6);
    send_three({EINTR}, "", "1 two three ", 4);
}

TEST_CASE(
    "datagrams: only a datagram that finds no buffer in the system is dropped, and reported") {
    send_three({ENOBUFS}, "own: No buffer space available, 1 bytes; ", "two three ", 4);
    send_three({ECONNREFUSED, ENOBUFS},
               "earlier: Connection refused, 0 bytes; own: No buffer space available, 1 bytes; ",
               "two three ", 5);
}

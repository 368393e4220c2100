// A connect from a port to the same port connects to itself if nothing listens there (RFC 9293, section 3.5).
#include <switchboard/bind_datagram.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/reactor_exchange.hpp>

#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

std::string on_reactor(const Endpoint& at, const std::optional<Endpoint>& from) {
    Reactor reactor;
    std::string told;
    ConnectOptions options;
    options.from = from;
    options.on_ended = [&](const Error& error) { told += error.message(); };
    const auto connect_to = reactor.connect(
        at, make_protocol({.on_open = [&](Connection& c) { told = "open; ", c.close(); }}),
        options);
    if (!connect_to) return connect_to.error().message();
    reactor.run();
    return told;
}

std::string blocking(const Endpoint& at, const std::optional<Endpoint>& from) {
    SocketOptions options;
    options.from = from;
    const auto socket = connect(at, 5s, options);
    return socket ? "open" : socket.error().message();
}

}  // namespace

TEST_CASE("self connect: a connection from its own target port is refused, and frees the port") {
    const Endpoint at = Listener().at;  // nothing listens there now
    const std::string told =
        "connect " + at.to_string() + " from " + at.to_string() + ": connection refused";
    CHECK(blocking(at, at) == told);
    CHECK(on_reactor(at, at) == told);
    SocketOptions options;
    options.reuse_address = false;
    CHECK(listen(at, options).has_value());
}

TEST_CASE("self connect: if the system has no other port, every kind of connect is refused") {
    const Network network{.script = "echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range\n"};
    const auto each = [] {
        const Endpoint tcp = Endpoint::tcp("127.0.0.1", 40000);
        const auto told = exchange(tcp, as_bytes("x"), {.timeout = 5s});
        const auto datagram = connect_datagram(Endpoint::udp("127.0.0.1", 40000));
        std::string all = blocking(tcp, {}) + "\n" + on_reactor(tcp, {}) + "\n";
        all += (told ? "replied" : told.error().message()) + "\n";
        return all + (datagram ? "open" : datagram.error().message());
    };
    CHECK_IN_NETWORK(in_network(network, each),
                     "connect tcp://127.0.0.1:40000: connection refused\n"
                     "connect tcp://127.0.0.1:40000: connection refused\n"
                     "exchange: connect tcp://127.0.0.1:40000: connection refused\n"
                     "connect udp://127.0.0.1:40000: connection refused");
}

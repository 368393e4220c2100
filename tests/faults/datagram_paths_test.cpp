// The paths of datagrams on real sockets: wildcard binds, joined datagrams, multicast groups.
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>

#include "datagram_ends.hpp"

using namespace switchboard;
using test::bound;
using test::complaint;
using test::datagram_echo;
using test::DatagramClient;
using test::endpoint;
using test::kLoopback;
using test::run_until;

TEST_CASE("datagrams: on a wildcard bind the reply comes from the address that was asked") {
    const auto check = [](const Endpoint& any, const std::string& asked) {
        CAPTURE(asked);
        Reactor reactor;
        const auto made = bound(reactor, datagram_echo(), {}, any);
        // A connected socket: it receives a reply only from that very address.
        const DatagramClient client(Endpoint::udp(asked, made.local.port()));
        client.send("from whom?");
        CHECK(client.receive(reactor) == "from whom?");
    };
    check(endpoint("udp://0.0.0.0:0"), "127.0.0.2");
    if (!test::machine_has_ipv6()) return;
    check(endpoint("udp://*:0"), "127.0.0.3");
    check(endpoint("udp://*:0"), "::1");
    check(endpoint("udp://[::]:0"), "::1");
}

TEST_CASE("datagrams: datagrams of equal size are joined in the system and separated again") {
    Reactor reactor;
    std::vector<std::string> received;
    const auto sink =
        bound(reactor,
              {.on_datagram = [&](DatagramSocket&,
                                  Datagram& in) { received.emplace_back(as_text(in.data)); }},
              {.limits = {.max_datagram = 1000}});
    std::vector<std::string> sent;
    const std::initializer_list<std::size_t> sizes{64, 64, 64, 64, 10, 64, 64,   0,   0,
                                                   5,  5,  7,  7,  7,  3,  1000, 1000};
    for (const std::size_t size : sizes)
        sent.push_back(std::string(size, static_cast<char>('a' + sent.size())));
    for (int i = 0; i < 100; ++i) sent.push_back(std::to_string(100 + i));
    const auto source = bound(reactor, {.on_open = [&](DatagramSocket& s) {
                                  const DatagramAddress to =
                                      DatagramAddress::of(sink.local).value();
                                  for (const std::string& each : sent) s.send(to, each);
                              }});
    run_until(reactor, [&] { return received.size() >= sent.size(); });
    CHECK(received == sent);
    CHECK(collect_stats(reactor).datagrams_out == sent.size());
    CHECK(collect_stats(reactor).datagrams_in == sent.size());
    static_cast<void>(source);
}

TEST_CASE("datagrams: joined datagrams above max_datagram are reported one by one") {
    Reactor reactor;
    std::size_t dropped = 0, received = 0;
    const auto sink = bound(reactor,
                            {.on_datagram = [&](DatagramSocket&, Datagram&) { ++received; },
                             .on_error =
                                 [&](DatagramSocket&, const DatagramError& e) {
                                     CHECK(e.code == errc::datagram_truncated);
                                     CHECK(e.size == 200);
                                     dropped += e.count;
                                 }},
                            {.limits = {.max_datagram = 100}});
    bound(reactor, {.on_open = [&](DatagramSocket& s) {
              const DatagramAddress to = DatagramAddress::of(sink.local).value();
              for (int i = 0; i < 10; ++i) s.send(to, std::string(200, 'x'));
              s.send(to, std::string(50, 'y'));
          }});
    run_until(reactor, [&] { return dropped + received == 11; });
    CHECK(dropped == 10);
    CHECK(received == 1);
}

TEST_CASE("datagrams: sockets with reuse_address share a port, bound to any address or to one") {
    for (const Endpoint& at : {endpoint("udp://0.0.0.0:0"), kLoopback}) {
        const Socket first = bind_datagram(at, {.reuse_address = true}).value();
        const Endpoint taken = first.local().value();
        CHECK(bind_datagram(taken, {.reuse_address = true}).has_value());
        CHECK(complaint(bind_datagram(taken)).find("address already in use") != std::string::npos);
    }
}

TEST_CASE("datagrams: multicast on the loopback interface") {
    const std::string loopback = "lo";
    if (::if_nametoindex(loopback.c_str()) == 0) {
        MESSAGE("no interface named lo: nothing checked");
        return;
    }
    Reactor reactor;
    std::string received;
    const Endpoint group = Endpoint::udp("239.255.7.7", 0);
    Result<void> joined;
    const auto member =
        bound(reactor,
              {.on_open =
                   [&](DatagramSocket& s) {
                       joined = s.join(DatagramAddress::of(group).value(), loopback);
                   },
               .on_datagram = [&](DatagramSocket&, Datagram& in) { received += as_text(in.data); }},
              {.socket = {.reuse_address = true}}, endpoint("udp://0.0.0.0:0"));
    run_ready(reactor);
    run_ready(reactor);
    REQUIRE_MESSAGE(joined.has_value(), joined.error().message());
    const Socket source = bind_datagram(kLoopback).value();
    in_addr through{htonl(INADDR_LOOPBACK)};
    REQUIRE(::setsockopt(source.fd(), IPPROTO_IP, IP_MULTICAST_IF, &through, sizeof through) == 0);
    const SocketAddress to = group.with_port(member.local.port()).addresses()->front();
    if (::sendto(source.fd(), "all", 3, 0, to.data(), to.size()) < 0) {
        MESSAGE("no multicast on this machine: nothing checked");
        return;
    }
    run_until(reactor, [&] { return received == "all"; });
    DatagramSocket* const socket = find_datagram(reactor, member.id);
    CHECK(socket->leave(DatagramAddress::of(group).value(), loopback));
    CHECK(complaint(socket->join(DatagramAddress::of(group).value(), "nosuch0")) ==
          "join udp://239.255.7.7:0 on nosuch0: no such device");
    CHECK_FALSE(socket->join(DatagramAddress::of(endpoint("udp://127.0.0.1:1")).value()));
}

#include <switchboard/reactor_stats.hpp>
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

void check_echo(Reactor& reactor, const Endpoint& at) {
    FarEnd client(at);
    CHECK(client.send("hello") == 5);
    client.read_until(reactor, 5);
    CHECK(client.received == "hello");
    REQUIRE(client.socket.shutdown_write());
    client.read_to_end(reactor);
    CHECK(client.eof);
}

}  // namespace

TEST_CASE("reactor: listens on IPv4, IPv6, any address and unix paths, and names its real port") {
    const TempDir dir;
    for (const std::string& at : {std::string("127.0.0.1:0"), std::string("localhost:0"),
                                  std::string("[::1]:0"), "unix:" + (dir / "socket")}) {
        CAPTURE(at);
        if (at[0] == '[' && !machine_has_ipv6()) continue;
        Reactor reactor;
        const Listening listening = listen_on(reactor, echo_factory(), {}, at);
        if (listening.local.kind() == Endpoint::Kind::tcp) CHECK(listening.local.port() != 0);
        check_echo(reactor, listening.local);
    }
    Reactor reactor;
    const Listening any = listen_on(reactor, echo_factory(), {}, "tcp://*:0");
    check_echo(reactor, Endpoint::tcp("127.0.0.1", any.local.port()));
    if (machine_has_ipv6()) check_echo(reactor, Endpoint::tcp("::1", any.local.port()));
}

TEST_CASE("reactor: a connection knows both its ends, in every family") {
    const TempDir dir;
    for (const std::string& at : {std::string("127.0.0.1:0"), std::string("[::1]:0"),
                                  std::string("tcp://*:0"), "unix:" + (dir / "socket")}) {
        CAPTURE(at);
        if (at[0] == '[' && !machine_has_ipv6()) continue;
        Reactor reactor;
        Endpoint peer, local;
        const Listening listening = listen_on(reactor, callbacks([&] {
                                                  return Callbacks{.on_open = [&](Connection& c) {
                                                      peer = c.peer(), local = c.local();
                                                  }};
                                              }),
                                              {}, at);
        const bool any = listening.local.host() == "*";
        const FarEnd client(any ? Endpoint::tcp("127.0.0.1", listening.local.port())
                                : listening.local);
        run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
        CHECK(peer == client.socket.local().value());
        CHECK(local == client.socket.peer().value());
    }
}

TEST_CASE("reactor: a listen that fails reports the reason at once") {
    Reactor reactor;
    const Listening first = listen_on(reactor, echo_factory());
    const auto second = reactor.listen(first.local, echo_factory());
    REQUIRE_FALSE(second);
    CHECK(second.error() == std::errc::address_in_use);
    CHECK(second.error().message().find("listen " + first.local.to_string()) == 0);

    ListenOptions options;
    options.connection.low_water = options.connection.high_water;
    const auto third = reactor.listen(endpoint("127.0.0.1:0"), echo_factory(), options);
    REQUIRE_FALSE(third);
    CHECK(third.error() == errc::bad_option);

    const auto fourth = reactor.listen(endpoint("127.0.0.1:0"), ProtocolFactory());
    REQUIRE_FALSE(fourth);
    CHECK(fourth.error() == std::errc::invalid_argument);
    CHECK(fourth.error().message().find("the protocol factory is empty") != std::string::npos);
    CHECK(collect_stats(reactor).listeners == 1);
}

TEST_CASE("reactor: a factory that returns null or throws refuses only that connection") {
    std::string logged;
    Reactor reactor({.log = [&](LogLevel, std::string_view text) { logged += text; }});
    int calls = 0;
    const Listening listening = listen_on(reactor, [&]() -> std::unique_ptr<Protocol> {
        if (++calls == 1) return nullptr;
        if (calls == 2) throw std::runtime_error("no luck");
        return make_protocol({.on_data = echo_back});
    });
    FarEnd first(listening.local), second(listening.local);
    first.read_to_end(reactor);
    second.read_to_end(reactor);
    CHECK(collect_stats(reactor).refused == 2);
    CHECK(logged.find("no luck") != std::string::npos);
    check_echo(reactor, listening.local);
    CHECK(collect_stats(reactor).accepted == 1);
}

TEST_CASE("reactor: max_connections refuses the next, until there is room") {
    Reactor reactor;
    ListenOptions options;
    options.server.max_connections = 2;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    FarEnd first(listening.local), second(listening.local), third(listening.local);
    third.read_to_end(reactor);
    CHECK(collect_stats(reactor).refused == 1);
    CHECK(collect_stats(reactor).open == 2);
    first.socket.close();
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    check_echo(reactor, listening.local);
}

TEST_CASE(
    "reactor: a factory may close the listener that called it, and its connection is served") {
    Reactor reactor;
    Listening listening;
    listening = listen_on(reactor, [&] {
        reactor.close(listening.id);
        return make_protocol({.on_data = echo_back});
    });
    FarEnd first(listening.local), second(listening.local);
    first.send("only one");
    first.read_until(reactor, 8);
    CHECK(first.received == "only one");
    second.read_to_end(reactor);
    CHECK(collect_stats(reactor).accepted == 1);
    CHECK(collect_stats(reactor).listeners == 0);
}

TEST_CASE("reactor: a closed listener accepts no more, and its connections live on") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    reactor.close(listening.id);
    reactor.close(listening.id);  // the id names nothing any more
    reactor.close(ListenerId{});
    CHECK(collect_stats(reactor).listeners == 0);
    CHECK_FALSE(connect(listening.local, 1s));
    client.send("still here");
    client.read_until(reactor, 10);
    CHECK(client.received == "still here");
    client.socket.close();
    reactor.run();  // returns, because nothing is left
    CHECK(collect_stats(reactor).closed == 1);
}

TEST_CASE("reactor: ids are checked by generation") {
    Reactor reactor;
    std::vector<ConnectionId> ids;
    const Listening listening = listen_on(
        reactor, callbacks([&] {
            return Callbacks{
                .on_open =
                    [&](Connection& c) {
                        ids.push_back(c.id());
                        CHECK(reactor.find(c.id()) == &c);
                    },
                .on_close = [&](std::error_code) { CHECK(reactor.find(ids.back()) == nullptr); }};
        }));
    for (std::size_t i = 1; i <= 3; ++i) {
        FarEnd client(listening.local);
        run_until(reactor, [&] { return ids.size() == i; });
        CHECK(reactor.find(ids.back()) != nullptr);
        client.socket.close();
        run_until(reactor, [&] { return collect_stats(reactor).closed == i; });
        for (const ConnectionId id : ids) CHECK(reactor.find(id) == nullptr);
    }
    CHECK(ids[0].slot == ids[1].slot);
    CHECK(ids[0].generation != ids[1].generation);
    CHECK(reactor.find({}) == nullptr);
}

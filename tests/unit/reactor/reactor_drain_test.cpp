#include <optional>
#include <switchboard/reactor_stats.hpp>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

struct Drained {
    int times = 0;
    std::size_t aborted = 999;
    auto note() {
        return [this](std::size_t count) {
            ++times;
            aborted = count;
        };
    }
};

}  // namespace

TEST_CASE("reactor drain: with nothing open, done comes at once, but not from within the call") {
    for (const auto deadline : {0ms, 1000ms}) {
        Reactor reactor;
        const Listening listening = listen_on(reactor, echo_factory());
        Drained drained;
        reactor.drain(deadline, drained.note());
        CHECK(drained.times == 0);
        reactor.run();
        CHECK(drained.times == 1);
        CHECK(drained.aborted == 0);
        CHECK(collect_stats(reactor).timers == 0);
        CHECK_FALSE(connect(listening.local, 1s));
    }
}

TEST_CASE("reactor drain: waits for open connections, and aborts none that end in time") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    Drained drained;
    reactor.drain(10s, drained.note());
    client.send("last words");
    client.read_until(reactor, 10);
    CHECK(client.received == "last words");
    CHECK(drained.times == 0);
    client.socket.close();
    reactor.run();
    CHECK(drained.times == 1);
    CHECK(drained.aborted == 0);
}

TEST_CASE("reactor drain: aborts remaining connections at the deadline, with errc::stopping") {
    Reactor reactor;
    ConnectionEnd ending;
    const Listening listening =
        listen_on(reactor, callbacks([&] { return Callbacks{.on_close = ending.note()}; }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    Drained drained;
    std::chrono::milliseconds deadline{};
    SUBCASE("later") {
        deadline = 20ms;
    }
    SUBCASE("now") {
        deadline = 0ms;
    }
    const auto began = Clock::now();
    reactor.drain(deadline, drained.note());
    CHECK_FALSE(ending.came);
    reactor.run();
    CHECK(Clock::now() - began >= deadline);
    CHECK(ending.reason == make_error_code(errc::stopping));
    CHECK(drained.times == 1);
    CHECK(drained.aborted == 1);
    client.read();
    CHECK(client.error == std::errc::connection_reset);
}

TEST_CASE("reactor drain: a second call replaces the first, its deadline and its done") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    Drained first, second, third;
    reactor.drain(0ms, first.note());
    reactor.drain(10s, second.note());  // before the first drain ran
    run_for(reactor, 20ms);
    CHECK(collect_stats(reactor).open == 1);
    reactor.drain(0ms, third.note());
    reactor.run();
    CHECK(first.times == 0);
    CHECK(second.times == 0);
    CHECK(third.times == 1);
    CHECK(third.aborted == 1);
}

TEST_CASE("reactor drain: does not require a done callback") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    reactor.drain(5ms, {});
    reactor.run();
    CHECK(collect_stats(reactor).closed == 1);
}

TEST_CASE("reactor drain: an on_close that reconnects does not delay it beyond the deadline") {
    Reactor reactor;
    const Listener far;  // stands for another program that never closes
    int connects = 0;
    std::optional<Error> refused;
    std::function<void()> again = [&] {
        REQUIRE(++connects < 100);
        const auto made =
            reactor.connect(far.at, make_protocol({.on_close = [&](std::error_code) { again(); }}));
        if (!made) refused = made.error();
    };
    again();
    Drained drained;
    std::chrono::milliseconds deadline{};
    SUBCASE("later") {
        deadline = 20ms;
    }
    SUBCASE("now") {
        deadline = 0ms;
    }
    reactor.drain(deadline, drained.note());
    reactor.run();
    CHECK(drained.times == 1);
    CHECK(drained.aborted == 1);
    REQUIRE(refused);
    CHECK(*refused == errc::stopping);
    // Afterwards the reactor can be used again.
    bool opened = false;
    REQUIRE(reactor.connect(far.at, make_protocol({.on_open = [&](Connection& c) {
                                opened = true;
                                c.close();
                            }})));
    reactor.run();
    CHECK(opened);
}

TEST_CASE("reactor drain: done may drain again, stop, listen and throw") {
    std::string logged;
    Reactor reactor({.log = [&](LogLevel, std::string_view text) { logged = text; }});
    Drained second;
    reactor.drain(1s, [&](std::size_t) {
        const Listening listening = listen_on(reactor, echo_factory());
        reactor.drain(1s, second.note());
        reactor.stop();
        CHECK_FALSE(connect(listening.local, 1s));
        throw std::runtime_error("done");
    });
    reactor.run();
    CHECK(second.times == 0);
    reactor.run();
    CHECK(second.times == 1);
    CHECK(logged == "drain threw: done");
}

TEST_CASE("reactor drain: if the destructor interrupts it, done is never called") {
    Drained drained;
    ConnectionEnd ending;
    {
        Reactor reactor;
        const Listening listening =
            listen_on(reactor, callbacks([&] { return Callbacks{.on_close = ending.note()}; }));
        const FarEnd client(listening.local);
        run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
        reactor.drain(10s, drained.note());
    }
    CHECK(drained.times == 0);
    CHECK(ending.reason == make_error_code(errc::stopping));
}

TEST_CASE("reactor drain: earlier output is flushed") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, callbacks([] {
                                              return Callbacks{.on_open = [](Connection& c) {
                                                  c.write(std::string(700'000, 'x'));
                                                  c.close();
                                              }};
                                          }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    Drained drained;
    reactor.drain(10s, drained.note());
    client.read_to_end(reactor);
    CHECK(client.received.size() == 700'000);
    CHECK(client.eof);
    run_until(reactor, [&] { return drained.times == 1; });
    CHECK(drained.aborted == 0);
}

TEST_CASE("reactor drain: idle accepted connections are closed, and outgoing ones are only told") {
    for (const std::string at : {"127.0.0.1:0", "unix:@switchboard-drain-test"}) {
        CAPTURE(at);
        Reactor reactor;
        ListenOptions options;
        options.connection.drain_idle_timeout = 5ms;
        const Listening listening = listen_on(reactor, echo_factory(), options, at);
        FarEnd client(listening.local);
        client.send("x");
        client.read_until(reactor, 1);
        const Listener far;
        ConnectionEnd ours;
        std::vector<std::string> told;
        ConnectOptions connecting;
        connecting.limits.drain_idle_timeout = 5ms;
        const auto made = reactor.connect(
            far.at,
            make_protocol({.on_shutdown = [&](Connection&) { told.emplace_back("stop"); },
                           .on_close = ours.note()}),
            connecting);
        REQUIRE(made);
        run_until(reactor, [&] { return reactor.find(*made) != nullptr; });
        Drained drained;
        reactor.drain(10s, drained.note());
        CHECK(told.empty());  // not from within the call
        client.read_to_end(reactor);
        CHECK(client.eof);
        run_for(reactor, 30ms);
        CHECK(told.size() == 1);
        CHECK_FALSE(ours.came);
        reactor.drain(10s, drained.note());
        run_for(reactor, 5ms);
        CHECK(told.size() == 1);  // not told again
        reactor.find(*made)->close();
        run_until(reactor, [&] { return drained.times == 1; });
        CHECK(drained.aborted == 0);
    }
}

TEST_CASE("reactor drain: a connection that opens during it is told right after on_open") {
    Reactor reactor;
    const Listener far;
    std::string story;
    REQUIRE(
        reactor.connect(far.at, make_protocol({.on_open = [&](Connection&) { story += "open "; },
                                               .on_shutdown =
                                                   [&](Connection& c) {
                                                       story += "stop";
                                                       c.close();
                                                       return true;
                                                   }})));
    Drained drained;
    reactor.drain(10s, drained.note());
    reactor.run();
    CHECK(story == "open stop");
    CHECK(drained.aborted == 0);
}

TEST_CASE("reactor drain: abort ends it early, and calls its done") {
    Reactor reactor;
    const Listening listening =
        listen_on(reactor, callbacks([] { return Callbacks{.is_busy = [] { return true; }}; }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    Drained drained;
    SUBCASE("under way") {
        reactor.drain(1h, drained.note());
        run_for(reactor, 5ms);
        reactor.abort();
        reactor.run();
        CHECK(drained.times == 1);
        CHECK(drained.aborted == 1);
    }
    SUBCASE("without one") {
        reactor.abort();
        CHECK(collect_stats(reactor).open == 1);  // not from within the call
        reactor.run();
    }
    CHECK(collect_stats(reactor).open == 0);
    CHECK(collect_stats(reactor).timers == 0);
    client.read();
    CHECK(client.error == std::errc::connection_reset);
}

TEST_CASE("reactor drain: stop_accepting closes the listeners, and nothing else") {
    Reactor reactor;
    const Listening first = listen_on(reactor, echo_factory());
    const Listening second = listen_on(reactor, echo_factory());
    FarEnd client(first.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    stop_accepting(reactor);
    CHECK(collect_stats(reactor).listeners == 0);
    for (const Endpoint& at : {first.local, second.local}) CHECK_FALSE(connect(at, 1s));
    client.send("on we go");
    client.read_until(reactor, 8);
    CHECK(client.received == "on we go");
    client.socket.close();
    reactor.run();
}

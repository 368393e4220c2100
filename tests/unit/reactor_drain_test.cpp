#include <optional>

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

TEST_CASE("reactor drain: with nothing open it is done, though not from within the call") {
    for (const auto deadline : {0ms, 1000ms}) {
        Reactor reactor;
        const Listening listening = listen_on(reactor, echo_factory());
        Drained drained;
        reactor.drain(deadline, drained.note());
        CHECK(drained.times == 0);
        reactor.run();
        CHECK(drained.times == 1);
        CHECK(drained.aborted == 0);
        CHECK(reactor.stats().timers == 0);
        CHECK_FALSE(connect(listening.local, 1s));
    }
}

TEST_CASE("reactor drain: waits for those open, and aborts none that end in time") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return reactor.stats().open == 1; });
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

TEST_CASE("reactor drain: aborts those left at the deadline, with errc::stopping") {
    Reactor reactor;
    Ending ending;
    const Listening listening =
        listen_on(reactor, callbacks([&] { return Callbacks{.on_close = ending.note()}; }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return reactor.stats().open == 1; });
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
    run_until(reactor, [&] { return reactor.stats().open == 1; });
    Drained first, second, third;
    reactor.drain(0ms, first.note());
    reactor.drain(10s, second.note());  // before the first had its turn
    run_for(reactor, 20ms);
    CHECK(reactor.stats().open == 1);
    reactor.drain(0ms, third.note());
    reactor.run();
    CHECK(first.times == 0);
    CHECK(second.times == 0);
    CHECK(third.times == 1);
    CHECK(third.aborted == 1);
}

TEST_CASE("reactor drain: needs no done") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return reactor.stats().open == 1; });
    reactor.drain(5ms, {});
    reactor.run();
    CHECK(reactor.stats().closed == 1);
}

TEST_CASE("reactor drain: an on_close that connects anew does not hold it up beyond the deadline") {
    Reactor reactor;
    const Listener far;  // of another program: accepts, and never closes
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
    // And it is as good as new.
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

TEST_CASE("reactor drain: cut off by the destructor, it is never done") {
    Drained drained;
    Ending ending;
    {
        Reactor reactor;
        const Listening listening =
            listen_on(reactor, callbacks([&] { return Callbacks{.on_close = ending.note()}; }));
        const FarEnd client(listening.local);
        run_until(reactor, [&] { return reactor.stats().open == 1; });
        reactor.drain(10s, drained.note());
    }
    CHECK(drained.times == 0);
    CHECK(ending.reason == make_error_code(errc::stopping));
}

TEST_CASE("reactor drain: what was written before is flushed in time") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, callbacks([] {
                                              return Callbacks{.on_open = [](Connection& c) {
                                                  c.write(std::string(700'000, 'x'));
                                                  c.close();
                                              }};
                                          }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return reactor.stats().accepted == 1; });
    Drained drained;
    reactor.drain(10s, drained.note());
    client.read_to_end(reactor);
    CHECK(client.received.size() == 700'000);
    CHECK(client.eof);
    run_until(reactor, [&] { return drained.times == 1; });
    CHECK(drained.aborted == 0);
}

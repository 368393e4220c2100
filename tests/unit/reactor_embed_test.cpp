// A reactor inside a loop that is not its own: nothing but fd(), next_timeout() and run_ready().
#include <poll.h>

#include <switchboard/resolver.hpp>

#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr int kLong = 20'000;  // what a test that waits for it fails after

bool readable(Reactor& reactor, int wait_ms) {
    pollfd entry{reactor.fd(), POLLIN, 0};
    return ::poll(&entry, 1, wait_ms) > 0;
}

// What a host does: waits for both, then lets it run.
void host_turn(Reactor& reactor) {
    const auto timeout = reactor.next_timeout();
    readable(reactor, timeout ? static_cast<int>(timeout->count()) : kLong);
    reactor.run_ready();
}

// Until it has nothing left to do at once, so that a host would wait.
void settle(Reactor& reactor) {
    for (int turns = 0; reactor.next_timeout() == 0ms || readable(reactor, 0); ++turns) {
        REQUIRE(turns < 100);
        reactor.run_ready();
    }
}

}  // namespace

TEST_CASE("reactor embed: one with nothing to do does not keep its host busy") {
    Reactor reactor;
    settle(reactor);
    CHECK(reactor.next_timeout() == std::nullopt);
    CHECK_FALSE(reactor.run_ready());
    const Listening listening = listen_on(reactor, echo_factory());
    settle(reactor);
    CHECK(reactor.next_timeout() == std::nullopt);
    CHECK(reactor.run_ready());
}

TEST_CASE("reactor embed: sockets, timers and posts all arrive") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    std::string reply;
    std::jthread client([&, at = listening.local] {
        const auto connected = connect(at, 5s);
        CHECK(connected->send_all(as_bytes("hello")));
        const std::string got = receive_text(*connected);
        reactor.post([&, got] { reply = got; });
    });
    int ticks = 0;
    reactor.every(1ms, [&] { ++ticks; });
    while (reply.empty() || ticks < 10) host_turn(reactor);
    CHECK(reply == "hello");
}

TEST_CASE("reactor embed: the time-out counts from now, not from the last turn") {
    Reactor reactor;
    reactor.after(10s, [] {});
    settle(reactor);
    const auto busy_until = Clock::now() + 50ms;
    while (Clock::now() < busy_until) {
    }
    CHECK(*reactor.next_timeout() <= 9'951ms);  // rounded up: a timer is never early
    bool came = false;
    const auto armed = Clock::now();
    reactor.after(20ms, [&] { came = true; });
    while (!came) host_turn(reactor);
    CHECK(Clock::now() - armed >= 20ms);
}

TEST_CASE("reactor embed: what is asked for between turns wakes a host that has its time-out") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    ConnectionId id;
    const auto far = reactor.after(1h, [] {});
    FarEnd client(listening.local);
    const auto keep = [&id] {
        return Callbacks{.on_open = [&id](Connection& c) { id = c.id(); }, .on_data = echo_back};
    };
    const Listening other = listen_on(reactor, callbacks(keep));
    FarEnd second(other.local);
    run_until(reactor, [&] { return id != ConnectionId{}; });
    settle(reactor);
    SUBCASE("a timer") {
        reactor.after(1ms, [] {});
    }
    SUBCASE("a listener") {
        listen_on(reactor, echo_factory());
    }
    SUBCASE("the end of a listener") {
        reactor.close(listening.id);
    }
    SUBCASE("a connect") {
        CHECK(reactor.connect(listening.local, echo_factory()()));
    }
    SUBCASE("a write") {
        reactor.find(id)->write("hello");
    }
    SUBCASE("a close") {
        reactor.find(id)->close();
    }
    SUBCASE("a deadline") {
        reactor.find(id)->set_deadline(Clock::now() + 1ms);
    }
    SUBCASE("a drain") {
        reactor.drain(1h, {});
    }
    SUBCASE("a post") {
        reactor.post([] {});
    }
    CHECK(readable(reactor, 0));
    settle(reactor);
    reactor.cancel(far);
    CHECK_FALSE(readable(reactor, 0));
}

// Its sockets: with an earlier timer, none of its own wakes the host.
TEST_CASE("reactor embed: a look-up between turns wakes a host that has its time-out") {
    CHECK_IN_NETWORK(in_network({},
                                []() -> std::string {
                                    Reactor reactor;
                                    reactor.after(900ms, [] {});
                                    settle(reactor);
                                    resolve(reactor, "a.test", "80", [](auto) {});
                                    return readable(reactor, 0) ? "" : "it sleeps";
                                }),
                     "");
}

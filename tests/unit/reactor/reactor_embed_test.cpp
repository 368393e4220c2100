// A reactor inside another loop, which uses only poll_fd(), next_timeout() and run_ready().
#include <poll.h>

#include <switchboard/embed.hpp>
#include <switchboard/resolver.hpp>

#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr int kLong = 20'000;  // milliseconds; a test that waits so long fails

bool readable(Reactor& reactor, int wait_ms) {
    pollfd entry{poll_fd(reactor), POLLIN, 0};
    return ::poll(&entry, 1, wait_ms) > 0;
}

// Does what a host does: waits for the descriptor or the time-out, and then lets the reactor run.
void host_turn(Reactor& reactor) {
    const auto timeout = next_timeout(reactor);
    readable(reactor, timeout ? static_cast<int>(timeout->count()) : kLong);
    run_ready(reactor);
}

// Runs the reactor until a host would have to wait.
void settle(Reactor& reactor) {
    for (int turns = 0; next_timeout(reactor) == 0ms || readable(reactor, 0); ++turns) {
        REQUIRE(turns < 100);
        run_ready(reactor);
    }
}

}  // namespace

TEST_CASE("reactor embed: an idle reactor does not keep its host busy") {
    Reactor reactor;
    settle(reactor);
    CHECK(next_timeout(reactor) == std::nullopt);
    CHECK_FALSE(run_ready(reactor));
    const Listening listening = listen_on(reactor, echo_factory());
    settle(reactor);
    CHECK(next_timeout(reactor) == std::nullopt);
    CHECK(run_ready(reactor));
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
    CHECK(*next_timeout(reactor) <= 9'951ms);  // rounded up, because a timer is never early
    bool came = false;
    const auto armed = Clock::now();
    reactor.after(20ms, [&] { came = true; });
    while (!came) host_turn(reactor);
    CHECK(Clock::now() - armed >= 20ms);
}

TEST_CASE("reactor embed: requests between turns wake a host that already has its time-out") {
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

// Its sockets must wake the host. An earlier timer ensures that its own timer does not.
TEST_CASE("reactor embed: a look-up between turns wakes a host that already has its time-out") {
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

#include <switchboard/reactor_stats.hpp>
#include <vector>

#include "reactor_impl.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("reactor timers: come in order, never early, once each") {
    Reactor reactor;
    std::vector<int> came;
    const auto began = Clock::now();
    for (const int delay : {30, 10, 20, 0, -5}) {
        reactor.after(std::chrono::milliseconds(delay), [&, delay] {
            came.push_back(delay);
            CHECK(Clock::now() - began >= std::chrono::milliseconds(delay));
        });
    }
    CHECK(collect_stats(reactor).timers == 5);
    CHECK(came.empty());
    reactor.run();
    std::sort(came.begin(), came.begin() + 2);  // the two that are due at once may swap
    CHECK(came == std::vector<int>{-5, 0, 10, 20, 30});
    CHECK(collect_stats(reactor).timers == 0);
}

TEST_CASE("reactor timers: a timer that is started late in a long turn is not early") {
    Reactor reactor;
    reactor.after(0ms, [&] {
        for (const auto busy = Clock::now() + 30ms; Clock::now() < busy;) {
        }
        const auto began = Clock::now();
        reactor.after(20ms, [began] { CHECK(Clock::now() - began >= 20ms); });
    });
    reactor.run();
}

TEST_CASE("reactor timers: every() keeps its rate, skips missed periods, and may cancel itself") {
    Reactor reactor;
    int times = 0;
    TimerId timer;
    const auto began = Clock::now();
    timer = reactor.every(5ms, [&] {
        ++times;
        for (; times == 1 && Clock::now() - began < 52ms;) {
        }  // skips nine more periods
        if (times == 3) reactor.cancel(timer);
    });
    reactor.run();
    CHECK(times == 3);
    CHECK(Clock::now() - began >= 60ms);
    CHECK(collect_stats(reactor).timers == 0);
}

TEST_CASE("reactor timers: with a fixed delay, a period passes between two calls") {
    Reactor reactor;
    int times = 0;
    Clock::time_point returned = Clock::now();
    reactor.every(
        5ms,
        [&] {
            CHECK(Clock::now() - returned >= 5ms);
            if (++times == 3) reactor.stop();
            for (const auto busy = Clock::now() + 7ms; Clock::now() < busy;) {
            }
            returned = Clock::now();
        },
        Rate::fixed_delay);
    reactor.run();
    CHECK(times == 3);
}

TEST_CASE("reactor timers: a timer that always restarts with 0 ms does not keep I/O waiting") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    std::size_t times = 0;
    std::function<void()> again = [&] {
        ++times;
        reactor.after(0ms, again);
    };
    again();
    std::size_t echoed = 0;
    while (times < 20) {
        client.send("hello");
        client.read_until(reactor, echoed += 5);
    }
    CHECK(client.received.size() == echoed);
    CHECK(echoed > 0);
}

TEST_CASE("reactor timers: a timer that another of the same tick cancels does not come") {
    Reactor reactor;
    int came = 0;
    TimerId first, second;
    first = reactor.after(5ms, [&] { ++came, reactor.cancel(second); });
    second = reactor.after(5ms, [&] { ++came, reactor.cancel(first); });
    reactor.cancel(TimerId{});
    reactor.cancel(TimerId{12345});
    reactor.run();
    CHECK(came >= 1);
    if (came == 2) MESSAGE("they fell on two ticks");
}

TEST_CASE("reactor timers: an exception of a callback is logged, and the timer continues") {
    std::vector<std::string> logged;
    Reactor reactor({.log = [&](LogLevel, std::string_view text) {
        logged.emplace_back(text);
        throw 1;  // a sink should not throw, but the reactor must survive it
    }});
    int times = 0;
    reactor.every(1ms, [&] {
        if (++times == 3) return reactor.stop();
        throw std::runtime_error("oh");
    });
    reactor.run();
    CHECK(times == 3);
    CHECK(logged == std::vector<std::string>{"timer threw: oh", "timer threw: oh"});
}

TEST_CASE("reactor timers: the destructor of an object that a callback owns may cancel timers") {
    struct Canceller {
        Reactor& reactor;
        std::vector<TimerId>& all;
        ~Canceller() {
            for (const TimerId id : all) reactor.cancel(id);
        }
    };
    std::vector<TimerId> all;
    Reactor reactor;
    for (int i = 0; i < 50; ++i) {
        auto owned = std::shared_ptr<Canceller>(new Canceller{reactor, all});
        all.push_back(reactor.after(1h, [owned] {}));
    }
    SUBCASE("cancelled") {
        reactor.after(1ms, [&] { reactor.cancel(all[7]); });
        reactor.run();
        CHECK(collect_stats(reactor).timers == 0);
    }
    SUBCASE("dropped by the destructor") {}
}

TEST_CASE("reactor timers: the longest duration never comes, and the shortest comes at once") {
    Reactor reactor;
    bool came = false;
    reactor.after(std::chrono::milliseconds::max(), [&] { came = true; });
    reactor.after(std::chrono::milliseconds::min(), [&] { reactor.stop(); });
    reactor.every(std::chrono::milliseconds::max(), [&] { came = true; });
    reactor.drain(std::chrono::milliseconds::max(), {});
    reactor.run();
    CHECK_FALSE(came);
}

TEST_CASE("reactor timers: a wheel that was empty for a month continues at the current time") {
    auto impl = std::make_unique<detail::ReactorImpl>(nullptr, ReactorOptions{});
    constexpr std::uint32_t month = 30U * 24 * 3600 * 1000;
    impl->loop.wheel.advance(impl->loop.tick() - month, [](auto&) {});
    bool came = false;
    impl->timers.start(5ms, {}, [&] { came = true; });
    const auto end = Clock::now() + 5s;
    while (!came && Clock::now() < end) uv_run(impl->loop.uv(), UV_RUN_NOWAIT);
    CHECK(came);
    impl->close_all();
    detail::ReactorImpl::destroy(std::move(impl));
}

namespace {

// An accepted connection with the handler `make()`.
template <class Make>
struct ServedClient {
    explicit ServedClient(Make make)
        : listening(listen_on(reactor, callbacks(std::move(make)))), client(listening.local) {}
    Reactor reactor;
    Listening listening;
    FarEnd client;
};

}  // namespace

TEST_CASE("reactor deadlines: set in on_open and again in on_deadline, each comes once") {
    std::vector<Clock::time_point> due, came;
    ServedClient served([&] {
        return Callbacks{.on_open =
                             [&](Connection& c) {
                                 due.push_back(c.now() + 10ms);
                                 c.set_deadline(due.back());
                             },
                         .on_deadline =
                             [&](Connection& c) {
                                 came.push_back(c.now());
                                 if (came.size() == 3) return c.close();
                                 due.push_back(c.now() + 5ms);
                                 c.set_deadline(due.back());
                             }};
    });
    served.client.read_to_end(served.reactor);
    REQUIRE(came.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(came[i] >= due[i]);
}

TEST_CASE("reactor deadlines: can be replaced by a later one, an earlier one and none") {
    std::string story;
    ServedClient served([&] {
        return Callbacks{.on_open =
                             [&](Connection& c) {
                                 c.set_deadline(c.now() + 5ms);
                                 c.set_deadline(c.now() + 1h);
                                 c.set_deadline(c.now() + 30ms);
                             },
                         .on_data =
                             [&](Connection& c, MutableBytes in) {
                                 c.set_deadline(Clock::time_point::max());
                                 return in.size();
                             },
                         .on_deadline =
                             [&, began = Clock::now()](Connection&) {
                                 CHECK(Clock::now() - began >= 29ms);
                                 story += "deadline ";
                             }};
    });
    run_until(served.reactor, [&] { return story == "deadline "; });
    served.client.send("x");
    run_for(served.reactor, 30ms);
    CHECK(story == "deadline ");
}

TEST_CASE("reactor deadlines: the earliest and the latest possible time") {
    int came = 0;
    ServedClient served([&] {
        return Callbacks{.on_open = [](Connection& c) { c.set_deadline(Clock::time_point::min()); },
                         .on_deadline =
                             [&](Connection& c) {
                                 ++came;
                                 c.set_deadline(Clock::time_point::max() - Clock::duration(1));
                             },
                         .on_close = [](std::error_code) {}};
    });
    run_until(served.reactor, [&] { return came > 0; });
    run_for(served.reactor, 20ms);
    CHECK(came == 1);
}

TEST_CASE("reactor deadlines: without on_deadline a deadline ends the connection") {
    ConnectionEnd ending;
    ServedClient served([&] {
        return Callbacks{.on_open = [](Connection& c) { c.set_deadline(c.now() + 5ms); },
                         .on_close = ending.note()};
    });
    served.client.read_to_end(served.reactor);
    CHECK(ending.reason == std::errc::timed_out);
    CHECK(served.client.error == std::errc::connection_reset);
}

TEST_CASE("reactor deadlines: after a switch in on_deadline the next protocol gets input and EOF") {
    std::string story;
    SUBCASE("that the old one had paused") {
        ServedClient served([&] {
            return Callbacks{
                .on_open = [](Connection& c) { c.pause_reading(), c.set_deadline(c.now() + 5ms); },
                .on_deadline =
                    [&](Connection& c) {
                        c.switch_to(make_protocol({.on_data = [&](Connection&, MutableBytes in) {
                            story += as_text(in);
                            return in.size();
                        }}));
                    }};
        });
        served.client.send("data");
        run_until(served.reactor, [&] { return story == "data"; });
    }
    SUBCASE("that the old one had seen") {
        ServedClient served([&] {
            return Callbacks{.on_eof = [](Connection& c) { c.set_deadline(c.now() + 5ms); },
                             .on_deadline =
                                 [&](Connection& c) {
                                     c.switch_to(make_protocol({.on_eof = [&](Connection& d) {
                                         story += "eof";
                                         d.close();
                                     }}));
                                 }};
        });
        REQUIRE(served.client.socket.shutdown_write());
        served.client.read_to_end(served.reactor);
        CHECK(story == "eof");
    }
    SUBCASE("and in on_eof itself") {
        ServedClient served([&] {
            return Callbacks{.on_eof = [&](Connection& c) {
                c.switch_to(make_protocol({.on_eof = [&](Connection& d) {
                    story += "eof";
                    d.close();
                }}));
            }};
        });
        REQUIRE(served.client.socket.shutdown_write());
        served.client.read_to_end(served.reactor);
        CHECK(story == "eof");
    }
}

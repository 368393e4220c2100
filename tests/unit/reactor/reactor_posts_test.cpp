#include <atomic>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>
#include <vector>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("reactor posts: run on the reactor's thread, in order, and keep run() alive") {
    Reactor reactor;
    std::vector<int> came;
    reactor.post([&] {
        came.push_back(1);
        reactor.post([&] { came.push_back(3); });
    });
    reactor.post([&] { came.push_back(2); });
    CHECK(came.empty());
    reactor.run();
    CHECK(came == std::vector<int>{1, 2, 3});
}

TEST_CASE("reactor posts: run_ready() runs them, even if there is nothing else") {
    Reactor reactor;
    int came = 0;
    reactor.post([&] { ++came; });
    for (int turns = 0; run_ready(reactor); ++turns) REQUIRE(turns < 100);
    CHECK(came == 1);
}

TEST_CASE("reactor posts: from many threads, while it runs") {
    constexpr int kThreads = 4, kPosts = 2000;
    Reactor reactor;
    std::array<int, kThreads> last{};
    int came = 0;
    const auto alive = reactor.every(1h, [] {});
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 1; i <= kPosts; ++i) {
                reactor.post([&, t, i] {
                    CHECK(last[t] == i - 1);  // each thread's posts come in order
                    last[t] = i;
                    if (++came == kThreads * kPosts) reactor.cancel(alive);
                });
            }
        });
    }
    reactor.run();
    CHECK(came == kThreads * kPosts);
    for (std::thread& thread : threads) thread.join();
}

TEST_CASE("reactor posts: an exception is logged, and the next post runs") {
    std::string logged;
    Reactor reactor({.log = [&](LogLevel, std::string_view text) { logged = text; }});
    bool came = false;
    reactor.post([] { throw std::runtime_error("oh"); });
    reactor.post([&] { came = true; });
    reactor.run();
    CHECK(came);
    CHECK(logged == "post threw: oh");
}

TEST_CASE("reactor posts: the destructor drops pending posts, with the objects that they own") {
    auto owned = std::make_shared<int>(1);
    {
        Reactor reactor;
        reactor.post([owned] { FAIL("too late"); });
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE(
    "reactor: stop() from a post, a timer or a callback ends run(), and a later run() goes on") {
    Reactor reactor;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open = [&](Connection&) { reactor.stop(); },
                                       .on_data =
                                           [&](Connection& c, MutableBytes in) {
                                               reactor.stop();
                                               return echo_back(c, in);
                                           }};
                  }));
    reactor.post([&] { reactor.stop(); });
    reactor.run();
    reactor.after(1ms, [&] { reactor.stop(); });
    reactor.run();
    CHECK(collect_stats(reactor).timers == 0);
    FarEnd client(listening.local);
    reactor.run();
    CHECK(collect_stats(reactor).open == 1);
    client.send("x");
    reactor.run();
    client.read_until(reactor, 1);
    CHECK(client.received == "x");
    reactor.close(listening.id);
    client.socket.close();
    reactor.run();
    CHECK(collect_stats(reactor).open == 0);
}

TEST_CASE("reactor: stop() from the last post does not stop the run() after it") {
    Reactor reactor;
    reactor.post([&] { reactor.stop(); });
    reactor.run();
    bool came = false;
    reactor.after(0ms, [&] { came = true; });
    reactor.run();
    CHECK(came);
    reactor.post([&] { reactor.stop(); });
    reactor.run();  // the destructor must still close everything
}

TEST_CASE("reactor: stop() in the first turn ends run(), even if a listener is left") {
    Reactor reactor;
    reactor.post([&] { listen_on(reactor, echo_factory()); });
    SUBCASE("from a post") {
        reactor.post([&] { reactor.stop(); });
    }
    SUBCASE("from a timer") {
        reactor.after(0ms, [&] { reactor.stop(); });
    }
    reactor.run();
    CHECK(collect_stats(reactor).listeners == 1);
}

TEST_CASE("reactor: stop() while run() is not running ends the next run() at once, and only that") {
    Reactor reactor;
    listen_on(reactor, echo_factory());
    SUBCASE("before it") {
        reactor.stop();
    }
    SUBCASE("in run_ready()") {
        reactor.post([&] { reactor.stop(); });
        run_ready(reactor);
    }
    bool came = false;
    reactor.post([&] {
        came = true;
        reactor.stop();
    });
    reactor.run();
    CHECK_FALSE(came);
    reactor.run();
    CHECK(came);
}

TEST_CASE("reactor posts: a batch causes one wake-up") {
    Reactor reactor;
    int came = 0;
    for (int i = 0; i < 100; ++i) reactor.post([&] { ++came; });
    reactor.run();
    CHECK(came == 100);
    CHECK(collect_stats(reactor).posts == 100);
    CHECK(collect_stats(reactor).wake_ups == 1);
}

TEST_CASE(
    "reactor posts: after stop() they wait for the next run(), or are dropped with the reactor") {
    const auto owned = std::make_shared<int>(0);
    {
        Reactor reactor;
        reactor.post([&] {
            reactor.stop();
            reactor.post([owned] { ++*owned; });
        });
        reactor.run();
        CHECK(*owned == 0);
        reactor.run();
        CHECK(*owned == 1);
        reactor.post([owned] { ++*owned; });
    }
    CHECK(*owned == 1);
    CHECK(owned.use_count() == 1);
}

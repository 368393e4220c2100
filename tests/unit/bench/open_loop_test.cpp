// The open loop on a virtual clock, with servers of known delays.
#include <doctest/doctest.h>

#include <cmath>
#include <load/arrivals.hpp>
#include <self_test/delayed_echo.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/memory.hpp>
#include <workload/message_workload.hpp>

using namespace switchboard;
using namespace switchboard::bench;
using namespace std::chrono_literals;
using switchboard::testing::MemoryDriver;
using switchboard::testing::MemoryPeer;

namespace {

using ReplyAt = DelayedEcho::ReplyAt;

struct OpenLoop {
    OpenLoop(std::size_t connections, const ReplyAt& reply_at, const Pace& pace)
        : load(pace, [this] { return driver.now(); }) {
        load.on_all_answered = [this] { all_answered = true; };
        for (std::size_t i = 0; i < connections; ++i)
            driver.join(workload->client(load, i), std::make_unique<DelayedEcho>(reply_at));
        pass(2s);  // until each has its first reply
        load.start();
    }
    ~OpenLoop() { load.stop(); }
    OpenLoop(std::size_t connections, const ReplyAt& reply_at)
        : OpenLoop(connections, reply_at, {.open_loop = true}) {}

    void pass(Clock::duration time) {
        driver.advance(time);
        driver.run();
    }
    // Runs a window of `length` and then waits for pending replies, as the generator does.
    void run(double rate, std::chrono::milliseconds length) {
        Schedule schedule(rate, Arrivals::constant);
        const auto began = driver.now();
        load.open_window(length);
        for (; schedule.next() <= length; schedule.advance()) {
            const auto when = began + schedule.next();
            pass(when - driver.now());
            load.due(when);
            driver.run();
        }
        pass(began + length - driver.now());
        for (int i = 0; i < 20 && !load.all_answered(); ++i) pass(1s);
    }
    double corrected(double percent) const { return milliseconds(load.tally().latency, percent); }
    double uncorrected(double percent) const {
        return milliseconds(load.tally().uncorrected, percent);
    }

    static double milliseconds(const Histogram& histogram, double percent) {
        return static_cast<double>(histogram.percentile(percent)) * 1e-6;
    }

    std::unique_ptr<Workload> workload = *make_echo({.size = 16});
    bool all_answered = false;
    Load load;
    MemoryDriver driver;  // destroyed first, because its clients use the load
};

bool near(double value, double expected) {
    return std::abs(value - expected) <= 0.02 * expected;
}

// Replies at once, except in the last second of every ten, in which it does not reply.
ReplyAt stalls(Clock::time_point began) {
    return [began](Clock::time_point when) {
        const auto into = (when - began) % 10s;
        return into < 9s ? when : when + (10s - into);
    };
}

}  // namespace

TEST_CASE("bench open loop: a constant delay is measured exactly") {
    OpenLoop bench(25, [](Clock::time_point when) { return when + 20ms; });  // 20 of them are busy
    bench.run(1'000, 10s);
    CHECK(bench.load.tally().due == 9'999);  // the one at the very end belongs to the next window
    CHECK(bench.load.tally().exchanges >= 9'970);
    CHECK(bench.load.tally().unanswered == 0);
    for (const double percent : {1.0, 50.0, 99.0, 99.9, 100.0}) {
        CHECK(near(bench.corrected(percent), 20));
        CHECK(near(bench.uncorrected(percent), 20));
    }
}

// A tenth of all requests is due in a stall, and each of them waits for the rest of it.
TEST_CASE("bench open loop: a stall of 1 s in 10 shows in all requests that were due in it") {
    const Clock::time_point began = MemoryDriver().now() + 2s;
    OpenLoop bench(10, stalls(began));
    bench.run(1'000, 30s);
    CHECK(bench.load.tally().latency.count() == 29'999);
    CHECK(bench.corrected(89) < 0.1);
    CHECK(near(bench.corrected(95), 500));
    CHECK(near(bench.corrected(99), 900));
    CHECK(near(bench.corrected(99.9), 990));
    CHECK(near(bench.corrected(100), 1'000));
    // Without the correction only ten requests per stall wait, which is one in a thousand.
    CHECK(bench.uncorrected(99.8) < 0.1);
    CHECK(near(bench.uncorrected(100), 1'000));
}

TEST_CASE("bench open loop: pipelined requests on one connection are sent when due") {
    const Clock::time_point began = MemoryDriver().now() + 2s;
    OpenLoop bench(1, stalls(began), {.depth = 10'000, .open_loop = true});
    bench.run(1'000, 20s);
    CHECK(near(bench.corrected(95), 500));
    CHECK(near(bench.uncorrected(95), 500));  // all were sent when due
}

TEST_CASE("bench open loop: a slow server does not delay the schedule, and all waits count") {
    OpenLoop bench(1, [](Clock::time_point when) { return when + 100ms; });  // ten per second
    bench.run(100, 1s);
    CHECK(bench.all_answered);
    CHECK(bench.load.tally().exchanges == 9);
    CHECK(bench.load.tally().due == 99);
    CHECK(near(bench.corrected(100), 99 * 100 - 990 + 100));
    CHECK(near(bench.uncorrected(100), 100));
}

TEST_CASE("bench open loop: an abandoned request counts with the time it has waited") {
    OpenLoop bench(2, [n = 0](Clock::time_point when) mutable {
        return n++ == 0 ? when : Clock::time_point::max();  // each connection's
    });
    const auto began = bench.driver.now();
    bench.load.open_window(1s);
    for (int i = 0; i < 5; ++i) bench.load.due(began + i * 100ms);
    bench.pass(3s);
    CHECK_FALSE(bench.load.all_answered());
    bench.load.give_up();
    CHECK(bench.load.all_answered());
    CHECK(bench.all_answered);
    CHECK(bench.load.tally().unanswered == 5);
    CHECK(bench.load.tally().latency.count() == 5);
    CHECK(near(bench.corrected(100), 3'000));
    CHECK(near(bench.corrected(1), 2'600));
    CHECK(bench.load.tally().uncorrected.count() == 5);
    CHECK(near(bench.uncorrected(100), 3'000));
    CHECK(near(bench.uncorrected(1), 2'600));
}

TEST_CASE("bench open loop: requests in flight on a failed connection are unanswered") {
    std::unique_ptr<Workload> workload = *make_echo({.size = 16});
    Clock::time_point now(1h);
    Load load({.open_loop = true}, [&] { return now; });
    MemoryDriver driver;
    auto& lost = driver.connect(workload->client(load, 0));
    auto& kept = driver.connect(workload->client(load, 1));
    driver.run();
    lost.send(lost.take_received());
    kept.send(kept.take_received());
    driver.run();
    load.start();
    load.open_window(1s);
    for (int i = 0; i < 3; ++i) load.due(now);
    driver.run();
    lost.reset();
    driver.run();
    CHECK(load.tally().unanswered == 1);
    CHECK(load.tally().failed == 1);
    kept.send(kept.take_received());
    driver.run();
    CHECK(load.tally().exchanges == 1);
    kept.send(kept.take_received());  // the third request, which waited for a connection
    driver.run();
    CHECK(load.tally().exchanges == 2);
    CHECK(load.all_answered());
    load.due(now);  // sent by the connection that is left
    driver.run();
    CHECK(kept.received().size() == 16);
    now += 1s;
    kept.send(kept.take_received());
    driver.run();
    CHECK(load.all_answered());
}

TEST_CASE("bench schedule: equal intervals, without accumulated error") {
    Schedule schedule(30'000, Arrivals::constant);
    CHECK(schedule.next() == 33'333ns);
    for (int i = 1; i < 3'000'000; ++i) schedule.advance();
    CHECK(schedule.next() == 100s);
}

TEST_CASE("bench schedule: Poisson arrivals have the rate, the variance, and a seed") {
    Schedule schedule(1'000, Arrivals::poisson, 7), again(1'000, Arrivals::poisson, 7);
    constexpr int kCount = 100'000;
    double sum = 0, squares = 0;
    for (std::chrono::nanoseconds last{}; auto i : std::vector<int>(kCount)) {
        (void)i;
        REQUIRE(schedule.next() == again.next());
        const double distance = std::chrono::duration<double>(schedule.next() - last).count();
        last = schedule.next();
        sum += distance;
        squares += distance * distance;
        schedule.advance();
        again.advance();
    }
    const double mean = sum / kCount;
    CHECK(near(mean, 1e-3));
    CHECK(near(std::sqrt(squares / kCount - mean * mean), 1e-3));
    CHECK(Schedule(1'000, Arrivals::poisson, 8).next() !=
          Schedule(1'000, Arrivals::poisson, 7).next());
}

namespace {

// Connections of an open loop, whose servers the test plays.
struct ByHand {
    explicit ByHand(const Pace& pace) : load(pace, [this] { return now; }) {
        load.on_reopen = [this](std::size_t number, Clock::time_point due) {
            reopened.push_back(workload->client(load, number));
            reopened.back()->created(due);
        };
    }
    ~ByHand() { load.stop(); }
    MemoryPeer& connect(std::size_t number) {
        MemoryPeer& peer = driver.connect(workload->client(load, number));
        driver.run();
        return peer;
    }
    void answer(MemoryPeer& peer) {
        peer.send(peer.take_received());
        driver.run();
    }

    Clock::time_point now = Clock::time_point(1h);
    std::unique_ptr<Workload> workload = *make_echo({.size = 16});
    Load load;
    MemoryDriver driver;  // destroyed first, because its clients use the load
    std::vector<std::unique_ptr<LoadClient>> reopened;
};

}  // namespace

TEST_CASE(
    "bench open loop: the first request of a late connection was not due, and is not counted") {
    ByHand bench({.open_loop = true});
    bench.load.start();
    bench.load.open_window(1s);
    auto& late = bench.connect(0);
    bench.answer(late);
    CHECK(bench.load.tally().latency.count() == 0);
    CHECK(bench.load.all_answered());
    bench.load.due(bench.now);
    bench.driver.run();
    CHECK_FALSE(bench.load.all_answered());
    bench.answer(late);
    CHECK(bench.load.all_answered());
    CHECK(bench.load.tally().latency.count() == 1);
}

TEST_CASE(
    "bench open loop: an abandoned request has waited since it was due, uncorrected since it was "
    "sent") {
    ByHand bench({.open_loop = true});
    auto& peer = bench.connect(0);
    bench.answer(peer);
    bench.load.start();
    bench.load.open_window(1s);
    bench.load.due(bench.now);
    bench.load.due(bench.now);
    bench.driver.run();
    bench.now += 400ms;
    bench.answer(peer);  // then sends the second request, which was due 400 ms ago
    bench.now += 2s;
    bench.load.give_up();
    CHECK(bench.load.tally().exchanges == 1);
    CHECK(bench.load.tally().unanswered == 1);
    CHECK(bench.load.tally().latency.count() == 2);
    CHECK(bench.load.tally().uncorrected.count() == 2);
    CHECK(near(OpenLoop::milliseconds(bench.load.tally().latency, 100), 2'400));
    CHECK(near(OpenLoop::milliseconds(bench.load.tally().uncorrected, 100), 2'000));
}

TEST_CASE("bench open loop: a connect that fails or is in flight counts as a request") {
    ByHand bench({.per_connection = 1, .open_loop = true});
    for (std::size_t number : {0U, 1U}) bench.answer(bench.connect(number));
    bench.load.start();
    bench.load.open_window(1s);
    bench.load.due(bench.now);
    bench.load.due(bench.now);
    REQUIRE(bench.reopened.size() == 2);
    bench.now += 10ms;
    bench.reopened[0]->on_close(std::make_error_code(std::errc::connection_refused));
    CHECK(bench.load.tally().unanswered == 1);
    CHECK(bench.load.tally().failed == 1);
    bench.load.due(bench.now);  // connects again in its place
    REQUIRE(bench.reopened.size() == 3);
    CHECK(bench.reopened[2]->number() == bench.reopened[0]->number());
    bench.load.never_started(bench.reopened[2]->number(), "no descriptor");
    CHECK(bench.load.tally().unanswered == 2);
    bench.now += 2s;
    CHECK_FALSE(bench.load.all_answered());
    CHECK(bench.load.is_alive());
    bench.load.give_up();
    CHECK(bench.load.all_answered());
    CHECK(bench.load.tally().unanswered == 3);
    CHECK(bench.load.tally().latency.count() == 3);
    CHECK(near(OpenLoop::milliseconds(bench.load.tally().latency, 100), 2'010));
}

TEST_CASE("bench open loop: a failed connect that ends the load is counted once") {
    ByHand bench({.per_connection = 1, .open_loop = true});
    bench.load.on_all_answered = [&] { bench.load.stop(); };
    bench.answer(bench.connect(0));
    bench.load.start();
    bench.load.open_window(1s);
    bench.load.due(bench.now);
    REQUIRE(bench.reopened.size() == 1);
    bench.now += 2s;
    bench.reopened[0]->on_close(std::make_error_code(std::errc::timed_out));
    CHECK(bench.load.stopped());
    CHECK(bench.load.tally().unanswered == 1);
    CHECK(bench.load.tally().failed == 1);
}

TEST_CASE("bench open loop: waits for a line to the hub that arrives after the window") {
    Clock::time_point now(1h);
    Load load({.open_loop = true}, [&] { return now; });
    std::unique_ptr<Workload> workload = *make_fan_out({.size = 16, .connections = 2});
    MemoryDriver driver;
    auto& member = driver.connect(workload->client(load, 0));
    auto& speaker = driver.connect(workload->client(load, 1));
    const auto pass_on = [&] {
        driver.run();
        member.send(speaker.take_received());
        driver.run();
    };
    pass_on();
    CHECK(load.tally().answered == 2);
    load.start();
    load.open_window(1s);
    load.due(now);
    now += 1'100ms;
    CHECK_FALSE(load.all_answered());
    pass_on();
    CHECK(load.all_answered());
    CHECK_FALSE(load.stopped());
    CHECK(load.tally().latency.count() == 1);
    CHECK(near(static_cast<double>(load.tally().latency.max()), 1.1e9));
    load.stop();
}

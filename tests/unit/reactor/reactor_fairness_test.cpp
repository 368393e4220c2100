// Each kind of work has a budget per turn, so that no amount of it keeps the sockets waiting.
#include <algorithm>
#include <atomic>
#include <functional>
#include <numeric>
#include <switchboard/embed.hpp>
#include <switchboard/offload.hpp>
#include <switchboard/reactor_stats.hpp>
#include <vector>

#include "loop/budgets.hpp"
#include "reactor_impl.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using detail::kOffloadsPerTurn;
using detail::kPostsPerTurn;
using detail::kTasksPerTurn;
using detail::kTimersPerTurn;
using namespace std::chrono_literals;

namespace {

// Runs one turn, and returns how often it may have done the end-of-turn work: once at its end, and once
// between sockets for each millisecond that passed. See Loop::run_due_timers().
int ends_of_turn(Reactor& reactor) {
    const auto start = Clock::now();
    REQUIRE(run_ready(reactor));
    return 2 + static_cast<int>((Clock::now() - start) / 1ms);
}

constexpr int kFlood = 10'000;

// An open connection, and the amount of the flood that was processed before its bytes were read.
struct Flooded {
    Flooded() {
        run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
        client.send("x");
    }
    ~Flooded() { CHECK(at_echo >= 0); }

    Reactor reactor;
    int came = 0, at_echo = -1;
    Listening listening =
        listen_on(reactor, callbacks([this] {
                      return Callbacks{.on_data = [this](Connection&, MutableBytes in) {
                          at_echo = came;
                          return in.size();
                      }};
                  }));
    FarEnd client{listening.local};
};

}  // namespace

TEST_CASE("reactor fairness: posts have a budget, keep their order, and none is lost") {
    Flooded f;
    std::vector<int> order;
    for (int i = 0; i < kFlood; ++i)
        f.reactor.post([&, i] {
            ++f.came;
            order.push_back(i);
        });
    while (f.came < kFlood) {
        const int before = f.came;
        REQUIRE(run_ready(f.reactor));
        CHECK(f.came - before <= static_cast<int>(kPostsPerTurn));
    }
    CHECK(f.at_echo <= static_cast<int>(kPostsPerTurn));
    std::vector<int> expected(kFlood);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(order == expected);
    CHECK(collect_stats(f.reactor).posts == kFlood);
}

TEST_CASE("reactor fairness: more posts than fit into a turn keep run() alive until the last") {
    Reactor reactor;
    int came = 0;
    for (int i = 0; i < kFlood; ++i) reactor.post([&] { ++came; });
    reactor.run();
    CHECK(came == kFlood);
}

TEST_CASE("reactor fairness: a post that posts again for ever leaves time for sockets and timers") {
    Flooded f;
    std::function<void()> again = [&] {
        ++f.came;
        f.reactor.post(again);
    };
    for (int i = 0; i < 1000; ++i) f.reactor.post(again);
    bool timed = false;
    f.reactor.after(1ms, [&] { timed = true; });
    run_until(f.reactor, [&] { return timed && f.at_echo >= 0; });
    CHECK(f.at_echo <= static_cast<int>(kPostsPerTurn));
}

TEST_CASE("reactor fairness: timers that are due together have a budget, and come in order") {
    Flooded f;
    std::vector<int> order;
    for (int i = 0; i < kFlood; ++i)
        f.reactor.after(std::chrono::milliseconds(i / 1000), [&, i] {
            ++f.came;
            order.push_back(i / 1000);
        });
    for (const auto due = Clock::now() + 11ms; Clock::now() < due;) {
    }
    while (f.came < kFlood) {
        const int before = f.came;
        REQUIRE(run_ready(f.reactor));
        CHECK(f.came - before <= 2 * static_cast<int>(kTimersPerTurn));
    }
    CHECK(f.at_echo <= static_cast<int>(kTimersPerTurn));
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("reactor fairness: many timers that restart with 0 ms leave time for sockets") {
    Flooded f;
    std::function<void()> again = [&] {
        ++f.came;
        f.reactor.after(0ms, again);
    };
    for (int i = 0; i < kFlood; ++i) again();
    f.came = 0;
    run_until(f.reactor, [&] { return f.at_echo >= 0 && f.came > 2 * kFlood; });
    CHECK(f.at_echo <= static_cast<int>(kTimersPerTurn));
    CHECK(collect_stats(f.reactor).timers == kFlood);
}

TEST_CASE("reactor fairness: end-of-turn work has a budget") {
    constexpr int budget = kTasksPerTurn;
    Flooded f;
    int most = 0;
    auto& loop = detail::access(f.reactor).loop;
    std::function<void()> again = [&] {
        ++f.came;
        loop.at_end_of_turn(again);
    };
    for (int i = 0; i < kFlood; ++i) loop.at_end_of_turn(again);
    while (f.came < 2 * kFlood) {
        const int before = f.came;
        const int turn = budget * ends_of_turn(f.reactor);
        CHECK(f.came - before <= turn);
        most = std::max(most, turn);
    }
    CHECK(f.at_echo <= most);
}

TEST_CASE("reactor fairness: completions of offloads have a budget, and none is lost") {
    constexpr int kWork = 500, budget = kOffloadsPerTurn;
    Flooded f;
    int most = 0;
    std::atomic<int> worked{0};
    for (int i = 0; i < kWork; ++i)
        offload(
            f.reactor, [&](auto) { ++worked; }, [&](std::error_code) { ++f.came; });
    while (worked < kWork) std::this_thread::yield();
    while (f.came < kWork) {
        const int before = f.came;
        const int turn = budget * ends_of_turn(f.reactor);
        CHECK(f.came - before <= turn);
        most = std::max(most, turn);
    }
    CHECK(f.at_echo <= most);
    CHECK(collect_stats(f.reactor).offloads == 0);
}

TEST_CASE("reactor fairness: an offload that has ended but is not reported yet can be cancelled") {
    constexpr int kWork = 200;
    Reactor reactor;
    std::vector<OffloadId> ids;
    std::atomic<int> worked{0};
    int came = 0;
    for (int i = 0; i < kWork; ++i)
        ids.push_back(offload(
            reactor, [&](auto) { ++worked; }, [&](std::error_code) { ++came; }));
    while (worked < kWork) std::this_thread::yield();
    run_until(reactor, [&] { return came > 0; });
    for (const OffloadId id : ids) cancel(reactor, id);
    SUBCASE("and is told all the same") {
        reactor.run();
        CHECK(came == kWork);
    }
    SUBCASE("or goes with the reactor") {}
}

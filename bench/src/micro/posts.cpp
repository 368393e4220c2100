#include <benchmark/benchmark.h>
#include <chrono>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <thread>
#include <vector>

#include "micro/micro.hpp"

namespace switchboard::bench {
namespace {

using namespace std::chrono_literals;

// Threads post as fast as they can, until the reactor has run the last post. The run fails if a post was
// lost, or ran out of the order of its thread.
class PostRace {
public:
    explicit PostRace(std::size_t producers) : last_(producers, 0) {}

    bool run() {
        const TimerId alive = reactor_.every(1h, [] {});
        std::vector<std::thread> threads;
        for (std::size_t p = 0; p < last_.size(); ++p) {
            threads.emplace_back([this, p, alive] { produce(p, alive); });
        }
        reactor_.run();
        for (auto& thread : threads) thread.join();
        return in_order_;
    }
    std::size_t posts() const { return kEach * last_.size(); }
    std::uint64_t wake_ups() const { return collect_stats(reactor_).wake_ups; }

private:
    static constexpr std::size_t kEach = 100'000;

    void produce(std::size_t producer, TimerId alive) {
        for (std::size_t i = 1; i <= kEach; ++i) {
            reactor_.post([this, producer, alive, i] {
                in_order_ = in_order_ && last_[producer] == i - 1;
                last_[producer] = i;
                if (++came_ == posts()) reactor_.cancel(alive);
            });
        }
    }

    Reactor reactor_;
    std::vector<std::size_t> last_;
    std::size_t came_ = 0;
    bool in_order_ = true;
};

void post(benchmark::State& state) {
    std::uint64_t posts = 0, wake_ups = 0;
    for (auto _ : state) {
        PostRace race(static_cast<std::size_t>(state.range(0)));
        if (!race.run()) return state.SkipWithError("a post was lost or came out of order");
        posts += race.posts();
        wake_ups += race.wake_ups();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(posts));
    state.counters["wake-ups/1000 posts"] =
        1000 * static_cast<double>(wake_ups) / static_cast<double>(posts);
}

}  // namespace

void register_posts() {
    benchmark::RegisterBenchmark("BM_Post", post)
        ->ArgName("producers")
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

}  // namespace switchboard::bench

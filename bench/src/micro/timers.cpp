#include <benchmark/benchmark.h>
#include <uv.h>
#include <algorithm>
#include <chrono>
#include <deque>
#include <loop/loop.hpp>
#include <loop/posts.hpp>
#include <random>
#include <string>
#include <vector>

#include "micro/micro.hpp"

namespace switchboard::bench {
namespace {

using namespace std::chrono_literals;

// Which of many timers is used next. In turn, its memory is prefetched, as it is in the cache for a
// connection that was just read from. At random, beyond the size of the caches, memory dominates the time.
enum class Order { in_turn, at_random };

// Drawn in advance, so that drawing is not measured.
std::vector<std::uint32_t> draw(Order order, std::size_t count) {
    std::mt19937 random(1);
    std::uniform_int_distribution<std::size_t> any(0, count - 1);
    std::vector<std::uint32_t> drawn(std::max<std::size_t>(count, 1 << 16));
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        drawn[i] = static_cast<std::uint32_t>(order == Order::in_turn ? i % count : any(random));
    }
    return drawn;
}

// A reactor's loop without sockets, which set_deadline() works on.
struct BareLoop {
    detail::Loop loop{nullptr, {}};
    detail::Posts posts{loop};

    ~BareLoop() {
        posts.close();
        loop.close_handles({});
        uv_run(loop.uv(), UV_RUN_DEFAULT);
        uv_loop_close(loop.uv());
    }
};

// Moves a deadline to half a minute from now, as a connection does on each exchange. A millisecond passes
// every thousand moves, so a moved deadline is always the latest.
void rearm_deadline(benchmark::State& state, Order kind) {
    const auto count = static_cast<std::size_t>(state.range(0));
    BareLoop bare;
    std::deque<detail::WheelNode> deadlines(count);
    const auto order = draw(kind, count);
    std::size_t i = 0;
    const auto next = [&] {
        return bare.loop.tick_at(bare.loop.now() + 30s + std::chrono::milliseconds(i++ / 1000));
    };
    for (auto& node : deadlines) bare.loop.file(node, next());
    for (auto _ : state) {
        auto& node = deadlines[order[i % order.size()]];
        bare.loop.file_by(node, next());
    }
    for (auto& node : deadlines) bare.loop.wheel.remove(node);
}

// The wheel by itself: each node is removed and filed elsewhere.
void move_in_wheel(benchmark::State& state, Order kind) {
    const auto count = static_cast<std::size_t>(state.range(0));
    detail::TimingWheel wheel;
    std::deque<detail::WheelNode> nodes(count);
    const auto order = draw(kind, count);
    std::size_t i = 0;
    for (auto& node : nodes) wheel.file(node, static_cast<std::uint32_t>(30'000 + i++ / 1000));
    for (auto _ : state) {
        wheel.file(nodes[order[i % order.size()]], static_cast<std::uint32_t>(30'000 + i / 1000));
        ++i;
    }
    for (auto& node : nodes) wheel.remove(node);
}

void rearm_uv_timer(benchmark::State& state, Order kind) {
    const auto count = static_cast<std::size_t>(state.range(0));
    uv_loop_t loop;
    uv_loop_init(&loop);
    std::deque<uv_timer_t> timers(count);
    const auto ring = [](uv_timer_t*) {};
    const auto order = draw(kind, count);
    std::size_t i = 0;
    for (auto& timer : timers) {
        uv_timer_init(&loop, &timer);
        uv_timer_start(&timer, ring, 30'000 + i++ / 1000, 0);
    }
    for (auto _ : state) {
        uv_timer_start(&timers[order[i % order.size()]], ring, 30'000 + i / 1000, 0);
        ++i;
    }
    for (auto& timer : timers) uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

void over_counts(const std::string& name, void (*body)(benchmark::State&, Order)) {
    for (const auto& [suffix, order] : {std::pair{"/order:in_turn", Order::in_turn},
                                        std::pair{"/order:at_random", Order::at_random}}) {
        benchmark::RegisterBenchmark((name + suffix).c_str(), body, order)
            ->ArgName("armed")
            ->RangeMultiplier(10)
            ->Range(1'000, 1'000'000);
    }
}

}  // namespace

void register_timers() {
    over_counts("BM_DeadlineRearm", rearm_deadline);
    over_counts("BM_WheelMove", move_in_wheel);
    over_counts("BM_UvTimerRearm", rearm_uv_timer);
}

}  // namespace switchboard::bench

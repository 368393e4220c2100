#include "micro.hpp"

#include <benchmark/benchmark.h>
#include <uv.h>
#include <CLI/CLI.hpp>
#include <atomic>
#include <deque>
#include <loop.hpp>
#include <memory>
#include <posts.hpp>
#include <random>
#include <switchboard/reactor.hpp>
#include <thread>

#include "micro_datagrams.hpp"

namespace switchboard::bench {
namespace {

using namespace std::chrono_literals;

// Which of many is used next. In turn, the next one's memory is on its way, as it is for a connection
// that was just read from; at random, past what caches hold, the time is that of the memory.
enum class Order { in_turn, at_random };

// Drawn beforehand, so that drawing is not measured.
std::vector<std::uint32_t> draw(Order order, std::size_t count) {
    std::mt19937 random(1);
    std::uniform_int_distribution<std::size_t> any(0, count - 1);
    std::vector<std::uint32_t> drawn(std::max<std::size_t>(count, 1 << 16));
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        drawn[i] = static_cast<std::uint32_t>(order == Order::in_turn ? i % count : any(random));
    }
    return drawn;
}

// A reactor's loop with no sockets: what set_deadline() works on.
struct BareLoop {
    detail::Loop loop{nullptr, {}};
    detail::Posts posts{loop};

    ~BareLoop() {
        posts.close();
        loop.let_go({});
        uv_run(loop.uv(), UV_RUN_DEFAULT);
        uv_loop_close(loop.uv());
    }
};

// As a connection does on each exchange: its deadline is moved to half a minute from now.
void rearm_deadline(benchmark::State& state, Order kind) {
    const auto count = static_cast<std::size_t>(state.range(0));
    BareLoop bare;
    std::deque<detail::WheelNode> deadlines(count);
    for (auto& node : deadlines) bare.loop.file(node, bare.loop.tick_at(bare.loop.now() + 30s));
    const auto order = draw(kind, count);
    std::size_t i = 0;
    for (auto _ : state) {
        const auto when = bare.loop.now() + 30s + std::chrono::milliseconds(i % 1000);
        bare.loop.file_by(deadlines[order[i++ % order.size()]], bare.loop.tick_at(when));
    }
    for (auto& node : deadlines) bare.loop.wheel.remove(node);
}

// The dearest case of the wheel: each one really moves.
void move_in_wheel(benchmark::State& state, Order kind) {
    const auto count = static_cast<std::size_t>(state.range(0));
    detail::TimingWheel wheel;
    std::deque<detail::WheelNode> nodes(count);
    const auto order = draw(kind, count);
    std::size_t i = 0;
    for (auto& node : nodes) wheel.file(node, static_cast<std::uint32_t>(30'000 + i++ % 1000));
    for (auto _ : state) {
        wheel.file(nodes[order[i % order.size()]], static_cast<std::uint32_t>(30'000 + i % 1000));
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
    for (auto& timer : timers) {
        uv_timer_init(&loop, &timer);
        uv_timer_start(&timer, ring, 30'000, 0);
    }
    const auto order = draw(kind, count);
    std::size_t i = 0;
    for (auto _ : state) {
        uv_timer_start(&timers[order[i % order.size()]], ring, 30'000 + i % 1000, 0);
        ++i;
    }
    for (auto& timer : timers) uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

// Threads that post as fast as they can; the time is that until the reactor has run the last one,
// and the run fails where one was lost or came out of the order of its thread.
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
    std::uint64_t wake_ups() const { return reactor_.stats().wake_ups; }

private:
    static constexpr std::size_t kEach = 1'000'000;

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

void register_all() {
    constexpr std::int64_t kFew = 1'000, kMany = 1'000'000, kTenMillion = 10'000'000;
    const auto over_counts = [](const std::string& name, void (*body)(benchmark::State&, Order)) {
        for (const auto& [suffix, order] :
             {std::pair{"/in_turn", Order::in_turn}, std::pair{"/at_random", Order::at_random}}) {
            benchmark::RegisterBenchmark((name + suffix).c_str(), body, order)
                ->RangeMultiplier(10)
                ->Range(kFew, kMany)
                ->Iterations(kTenMillion);
        }
    };
    over_counts("deadline_rearm", rearm_deadline);
    over_counts("deadline_move_in_wheel", move_in_wheel);
    over_counts("uv_timer_rearm", rearm_uv_timer);
    benchmark::RegisterBenchmark("post/producers", post)
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
    register_datagrams();
}

int micro(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "switchboard-bench micro");
    std::vector<char*> arguments;
    arguments.reserve(flags.size());
    for (auto& flag : flags) arguments.push_back(flag.data());
    auto count = static_cast<int>(arguments.size());
    register_all();
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}

}  // namespace

void add_micro(CLI::App& app, std::function<int()>& chosen) {
    CLI::App* command = app.add_subcommand(
        "micro", "parts by themselves; takes Google Benchmark's flags (--benchmark_filter=REGEX)");
    command->prefix_command();
    command->callback(
        [command, &chosen] { chosen = [flags = command->remaining()] { return micro(flags); }; });
}

}  // namespace switchboard::bench

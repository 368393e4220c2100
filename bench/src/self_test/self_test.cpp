#include "self_test/self_test.hpp"

#include <fmt/core.h>
#include <array>
#include <cmath>
#include <cstdio>
#include <random>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <thread>

#include "base/files.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "generator/generator.hpp"
#include "self_test/delayed_echo.hpp"
#include "self_test/trial.hpp"
#include "system/reactor_thread.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kMostOff = 0.02;          // from the arithmetic, and from the server's count
constexpr double kMostRateOff = 0.01;      // from the requested rate
constexpr double kLeastOfReference = 0.9;  // of the rate of the hand-written generator
constexpr milliseconds kDelay{400};
constexpr seconds kStall{1}, kStallPeriod{10};

// A reactor's timers round the delay up to the next millisecond.
ProtocolFactory echo_after(milliseconds delay) {
    const auto at = [delay](Clock::time_point came) { return came + delay; };
    return [at] { return std::make_unique<DelayedEcho>(at); };
}

std::string off_text(double off) {
    return fmt::format("{:.2f}%", off * 100);
}

LoadPlan plan_for(const Endpoint& target, std::size_t connections, double rate) {
    LoadPlan plan;
    plan.target = target;
    plan.group.connections = connections;
    plan.rate = rate;
    plan.quiet_period = milliseconds(2'000);
    return plan;
}

// A percentile and its expected value.
struct Known {
    double percent;
    double seconds;
};

void check_percentiles(Checks& checks, const std::string& what, const Histogram& latency,
                       const std::vector<Known>& known) {
    for (const Known& each : known) {
        const double measured = seconds_at(latency, each.percent);
        checks.at_most(fmt::format("{}, p{:g} {} of {}: off", what, each.percent,
                                   seconds_text(measured), seconds_text(each.seconds)),
                       std::abs(measured / each.seconds - 1), kMostOff, off_text);
    }
}

Result<LoadResult> run_whole(const LoadPlan& plan, const LoadHooks& hooks = {}) {
    auto result = run_load(plan, hooks);
    if (result && result->tally.failed > 0)
        return fail(errc::unsupported, "load: " + result->tally.failures_text());
    return result;
}

Result<void> check_delay(Checks& checks, const CpuPlan& cpus) {
    auto server = PinnedReactor::start(cpus.server, echo_after(kDelay));
    if (!server) return tl::unexpected(server.error());
    LoadPlan plan = plan_for((*server)->endpoint(), 500, 1'000);
    plan.duration = seconds(5);
    const double delay = std::chrono::duration<double>(kDelay).count();
    return run_whole(plan).map([&](const LoadResult& load) {
        check_percentiles(checks, "replies after a delay", load.tally.latency,
                          {{50, delay}, {90, delay}, {99, delay}, {99.9, delay}});
    });
}

// A tenth of the requests waits, each for the rest of the stall. So the p-th percentile is the stall, less
// (100 - p) tenths of it.
Result<void> check_stall(Checks& checks, const CpuPlan& cpus, std::size_t stalls) {
    auto server = PinnedReactor::start(cpus.server, factory_of<Echo>(), [](Reactor& reactor) {
        reactor.every(kStallPeriod, [] { std::this_thread::sleep_for(kStall); });
    });
    if (!server) return tl::unexpected(server.error());
    LoadPlan plan = plan_for((*server)->endpoint(), 50, 500);
    plan.warm_up = kStallPeriod / 2;  // so that the window begins and ends between two stalls
    plan.duration = kStallPeriod * stalls;
    const auto load = run_whole(plan);
    if (!load) return tl::unexpected(load.error());
    check_percentiles(checks, "stalls for 1 s in 10", load->tally.latency,
                      {{95, 0.5}, {98, 0.8}, {99, 0.9}, {99.9, 0.99}});
    checks.note("the same uncorrected: p95, p99",
                fmt::format("{}, {}", seconds_text(seconds_at(load->tally.uncorrected, 95)),
                            seconds_text(seconds_at(load->tally.uncorrected, 99))));
    return {};
}

Result<void> check_rate(Checks& checks, const CpuPlan& cpus) {
    for (const double rate : {1'000.0, 10'000.0, 50'000.0}) {
        auto server = start_echo("reactor", 100, cpus.server);
        if (!server) return tl::unexpected(server.error());
        LoadPlan plan = plan_for(server->endpoint(), 100, rate);
        plan.duration = seconds(3);
        const auto load = run_whole(plan);
        if (!load) return tl::unexpected(load.error());
        const double reached = static_cast<double>(load->tally.exchanges) / load->seconds;
        checks.at_most(
            fmt::format("asked for {} a second, reached {}: off", grouped(rate), grouped(reached)),
            std::abs(reached / rate - 1), kMostRateOff, off_text);
        checks.note("  send delay: p50, p99",
                    fmt::format("{}, {}", seconds_text(seconds_at(load->lateness, 50)),
                                seconds_text(seconds_at(load->lateness, 99))));
    }
    return {};
}

Result<void> check_count(Checks& checks, const CpuPlan& cpus, std::size_t connections) {
    auto server = PinnedReactor::start(cpus.server, factory_of<Echo>());
    if (!server) return tl::unexpected(server.error());
    LoadPlan plan = plan_for((*server)->endpoint(), connections, 0);
    plan.duration = seconds(3);
    std::uint64_t before = 0, after = 0;
    LoadHooks hooks;
    hooks.window_opens = [&] { before = (*server)->stats().bytes_in; };
    hooks.window_closes = [&] { after = (*server)->stats().bytes_in; };
    const auto load = run_whole(plan, hooks);
    if (!load) return tl::unexpected(load.error());
    const double counted =
        static_cast<double>(after - before) / static_cast<double>(plan.group.size);
    const auto told = static_cast<double>(load->tally.exchanges);
    checks.at_most(fmt::format("reported {} exchanges, the server counted {}: off", grouped(told),
                               grouped(counted)),
                   std::abs(told / counted - 1), kMostOff, off_text);
    return {};
}

double exchange_rate(const LoadResult& load) {
    return static_cast<double>(load.tally.exchanges) / load.seconds;
}

Result<double> load_rate(const CpuPlan& cpus, std::size_t connections) {
    auto server = start_echo("bare-epoll", connections, cpus.server);
    if (!server) return tl::unexpected(server.error());
    return run_whole(plan_for(server->endpoint(), connections, 0)).map(exchange_rate);
}

// Returns the rate of the hand-written generator, peers/reference_load.c, on this thread's CPU. Fails if it
// is missing or reports an error; the message includes its output.
Result<double> reference_rate(const CpuPlan& cpus, std::size_t connections) {
    auto server = start_echo("bare-epoll", connections, cpus.server);
    if (!server) return tl::unexpected(server.error());
    const std::string command = fmt::format("'{}/bare-load' {} {} 64 2 2>&1", own_folder(),
                                            server->endpoint().to_string(), connections);
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    if (!pipe) return fail_errno("start bare-load");
    std::string said;
    std::array<char, 512> line{};
    while (std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
        double rate = 0;
        if (std::sscanf(line.data(), "exchanges/s %lf", &rate) == 1) return rate;
        said = line.data();
    }
    return fail(errc::unsupported, "bare-load: " + said);
}

Result<void> check_against_reference(Checks& checks, const CpuPlan& cpus,
                                     const SelfTestOptions& options) {
    std::mt19937 random(std::random_device{}());
    Rounds ours, theirs;
    for (std::size_t round = 0; round < options.rounds; ++round) {
        const bool first = random() % 2 == 0;
        for (const bool is_ours : {first, !first}) {
            const auto rate = is_ours ? load_rate(cpus, options.connections)
                                      : reference_rate(cpus, options.connections);
            if (!rate) return tl::unexpected(rate.error());
            (is_ours ? ours : theirs).emplace_back(*rate);
        }
    }
    check_at_least(checks,
                   {"rate on bare-epoll, to that of a hand-written generator", kLeastOfReference},
                   paired_ratios(ours, theirs));
    checks.note("  exchanges a second, both",
                fmt::format("{}, {}", grouped(summarize(ours)->median),
                            grouped(summarize(theirs)->median)));
    return {};
}

}  // namespace

int self_test(const SelfTestOptions& options) {
    return run_checks([&](const CpuPlan& cpus, Checks& checks) -> Result<void> {
        return pin_to(cpus.generator)
            .and_then([&] { return check_delay(checks, cpus); })
            .and_then([&] { return check_stall(checks, cpus, options.stalls); })
            .and_then([&] { return check_rate(checks, cpus); })
            .and_then([&] { return check_count(checks, cpus, options.connections); })
            .and_then([&] { return check_against_reference(checks, cpus, options); });
    });
}

}  // namespace switchboard::bench

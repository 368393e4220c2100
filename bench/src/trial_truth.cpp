// `switchboard-bench trial truth`: whether what the load generator says is so.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <random>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>

#include "delayed_echo.hpp"
#include "format.hpp"
#include "generator.hpp"
#include "lists.hpp"
#include "pinned_reactor.hpp"
#include "programs.hpp"
#include "rival.hpp"
#include "trial.hpp"
#include "trial_parts.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kMostOff = 0.02;      // of the arithmetic, and of the server's count
constexpr double kMostRateOff = 0.01;  // of the rate asked for
constexpr double kLeastOfRival = 0.9;  // of what a generator written by hand drives
constexpr milliseconds kDelay{400};
constexpr seconds kStall{1}, kStallPeriod{10};

void sleep_for(milliseconds time) {
    timespec left{time.count() / 1'000, (time.count() % 1'000) * 1'000'000};
    while (nanosleep(&left, &left) != 0) {
    }
}

// To the next millisecond, which is how a reactor counts.
ProtocolFactory echo_after(milliseconds delay) {
    const auto at = [delay](Clock::time_point came) { return came + delay; };
    return [at] { return std::make_unique<DelayedEcho>(at); };
}

struct TruthOptions {
    std::size_t stalls = 3;  // each is ten seconds
    std::size_t rounds = 7;  // beside the generator that is written by hand
    std::size_t connections = 100;
};

std::string off_text(double off) {
    return fixed(off * 100, 2) + "%";
}

LoadPlan plan_for(const Endpoint& target, std::size_t connections, double rate) {
    LoadPlan plan;
    plan.target = target;
    plan.group.connections = connections;
    plan.rate = rate;
    plan.settle = milliseconds(2'000);
    return plan;
}

// A percentile beside what it must be.
struct Known {
    double percent;
    double seconds;
};

void judge_percentiles(Verdicts& verdicts, const std::string& what, const Histogram& latency,
                       const std::vector<Known>& known) {
    for (const Known& each : known) {
        const double measured = static_cast<double>(latency.percentile(each.percent)) * 1e-9;
        verdicts.at_most(what + ", p" + fixed(each.percent, each.percent == 99.9 ? 1 : 0) + " " +
                             seconds_text(measured) + " of " + seconds_text(each.seconds) + ": off",
                         std::abs(measured / each.seconds - 1), kMostOff, off_text);
    }
}

Result<LoadResult> run_whole(const LoadPlan& plan, const LoadHooks& hooks = {}) {
    auto result = run_load(plan, hooks);
    if (result && result->tally.failed > 0)
        return fail(errc::unsupported, "load: " + result->tally.failures_text());
    return result;
}

Result<void> judge_delay(Verdicts& verdicts, const CpuPlan& cpus) {
    auto server = PinnedReactor::start(cpus.server, echo_after(kDelay));
    if (!server) return tl::unexpected(server.error());
    LoadPlan plan = plan_for((*server)->endpoint(), 500, 1'000);
    plan.duration = seconds(5);
    const auto load = run_whole(plan);
    if (!load) return tl::unexpected(load.error());
    const double delay = std::chrono::duration<double>(kDelay).count();
    judge_percentiles(verdicts, "replies after a delay", load->tally.latency,
                      {{50, delay}, {90, delay}, {99, delay}, {99.9, delay}});
    return {};
}

// Of a tenth of the requests each waits for what is left of the stall, so the p-th percentile waits for
// all of it but (100 - p) tenths.
Result<void> judge_stall(Verdicts& verdicts, const CpuPlan& cpus, std::size_t stalls) {
    auto server = PinnedReactor::start(cpus.server, factory_of<Echo>(), [](Reactor& reactor) {
        reactor.every(kStallPeriod, [] { sleep_for(kStall); });
    });
    if (!server) return tl::unexpected(server.error());
    LoadPlan plan = plan_for((*server)->endpoint(), 50, 500);
    plan.warm_up = kStallPeriod / 2;  // so that the window begins and ends between two stalls
    plan.duration = kStallPeriod * stalls;
    const auto load = run_whole(plan);
    if (!load) return tl::unexpected(load.error());
    judge_percentiles(verdicts, "stalls for 1 s in 10", load->tally.latency,
                      {{95, 0.5}, {98, 0.8}, {99, 0.9}, {99.9, 0.99}});
    verdicts.note(
        "the same uncorrected: p95, p99",
        seconds_text(static_cast<double>(load->tally.uncorrected.percentile(95)) * 1e-9) + ", " +
            seconds_text(static_cast<double>(load->tally.uncorrected.percentile(99)) * 1e-9));
    return {};
}

Result<void> judge_rate(Verdicts& verdicts, const CpuPlan& cpus) {
    for (const double rate : {1'000.0, 10'000.0, 50'000.0}) {
        auto server = start_echo("reactor", 100, cpus.server);
        if (!server) return tl::unexpected(server.error());
        LoadPlan plan = plan_for(server->endpoint(), 100, rate);
        plan.duration = seconds(3);
        const auto load = run_whole(plan);
        if (!load) return tl::unexpected(load.error());
        const double reached = static_cast<double>(load->tally.exchanges) / load->seconds;
        verdicts.at_most(
            "asked for " + grouped(rate) + " a second, reached " + grouped(reached) + ": off",
            std::abs(reached / rate - 1), kMostRateOff, off_text);
        verdicts.note("  asked so long after it was due: p50, p99",
                      seconds_text(static_cast<double>(load->lateness.percentile(50)) * 1e-9) +
                          ", " +
                          seconds_text(static_cast<double>(load->lateness.percentile(99)) * 1e-9));
    }
    return {};
}

Result<void> judge_count(Verdicts& verdicts, const CpuPlan& cpus, std::size_t connections) {
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
    verdicts.at_most(
        "told " + grouped(told) + " exchanges, the server counted " + grouped(counted) + ": off",
        std::abs(told / counted - 1), kMostOff, off_text);
    return {};
}

Result<double> load_rate(const CpuPlan& cpus, std::size_t connections) {
    auto server = start_echo("bare-epoll", connections, cpus.server);
    if (!server) return tl::unexpected(server.error());
    const auto load = run_whole(plan_for(server->endpoint(), connections, 0));
    if (!load) return tl::unexpected(load.error());
    return static_cast<double>(load->tally.exchanges) / load->seconds;
}

Result<double> rival_rate(const CpuPlan& cpus, std::size_t connections) {
    auto server = start_echo("bare-epoll", connections, cpus.server);
    if (!server) return tl::unexpected(server.error());
    return run_rival({server->endpoint(), connections, 64, seconds(2)});
}

Result<void> judge_rival(Verdicts& verdicts, const CpuPlan& cpus, const TruthOptions& options) {
    std::mt19937 random(std::random_device{}());
    Rounds ours, theirs;
    for (std::size_t round = 0; round < options.rounds; ++round) {
        const bool first = random() % 2 == 0;
        for (const bool is_ours : {first, !first}) {
            const auto rate = is_ours ? load_rate(cpus, options.connections)
                                      : rival_rate(cpus, options.connections);
            if (!rate) return tl::unexpected(rate.error());
            (is_ours ? ours : theirs).emplace_back(*rate);
        }
    }
    judge_at_least(verdicts, {"drives bare-epoll, to a generator written by hand", kLeastOfRival},
                   paired_ratios(ours, theirs));
    verdicts.note("  exchanges a second, both",
                  grouped(summarize(ours)->median) + ", " + grouped(summarize(theirs)->median));
    return {};
}

int truth(const TruthOptions& options) {
    return judge([&](const CpuPlan& cpus, Verdicts& verdicts) -> Result<void> {
        auto done = pin_to(cpus.generator);
        if (done) done = judge_delay(verdicts, cpus);
        if (done) done = judge_stall(verdicts, cpus, options.stalls);
        if (done) done = judge_rate(verdicts, cpus);
        if (done) done = judge_count(verdicts, cpus, options.connections);
        if (done) done = judge_rival(verdicts, cpus, options);
        return done;
    });
}

}  // namespace

void add_truth(CLI::App& trials, std::function<int()>& chosen) {
    auto options = std::make_shared<TruthOptions>();
    CLI::App* command = trials.add_subcommand(
        "truth", "the load generator's percentiles, rates and counts against what is known");
    add_parsed(*command, "--stalls", options->stalls, parse_count,
               "of a second, one in ten seconds [3]", "N");
    add_parsed(*command, "--rounds", options->rounds, parse_count,
               "beside a generator written by hand [7]", "N");
    add_parsed(*command, "--connections", options->connections, parse_count, "of these [100]", "N");
    command->callback([options, &chosen] {
        auto fits = check_range("--stalls", options->stalls, 1, 100);
        if (fits) fits = check_range("--rounds", options->rounds, 1, 1'000);
        if (fits) fits = check_range("--connections", options->connections, 1, 10'000);
        if (!fits) throw CLI::ValidationError(fits.error().tried());
        chosen = [options] { return truth(*options); };
    });
}

}  // namespace switchboard::bench

// A million short connections, which must leave nothing behind.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <base/parse.hpp>
#include <base/text.hpp>
#include <cstdio>
#include <random>
#include <self_test/trial.hpp>
#include <system/reactor_thread.hpp>
#include <system/usage.hpp>

#include "churn_load.hpp"
#include "scale.hpp"

namespace switchboard::bench {
namespace {

constexpr double kMebibyte = 1024 * 1024;
constexpr double kLeastRate = 0.95;     // relative to the bare epoll peer
constexpr std::size_t kWarmUp = 5'000;  // connections
constexpr std::size_t kEnoughToGrow =
    50'000;  // with fewer connections, resident memory means nothing

struct ChurnOptions {
    std::size_t connections = 1'000'000;
    std::size_t parallel = 64;
    std::size_t rounds = 11;
    std::size_t round_connections = 20'000;
    std::string baseline = "bare-epoll";
};

ChurnPlan plan_for(const ChurnOptions& options, const Endpoint& target, std::size_t connections) {
    return {target, connections, options.parallel};
}

// Makes at most kWarmUp connections, and no more than the measurement will make.
Result<void> warm_up(const ChurnOptions& options, const Endpoint& target, std::size_t connections) {
    const std::size_t some = std::min(kWarmUp, connections);
    const OnceTally tally = run_churn(plan_for(options, target, some)).tally;
    if (tally.failed == 0) return {};
    return fail(errc::unsupported, "warm-up: " + tally.failures_text());
}

void judge_served(Checks& checks, const ChurnOptions& options, const ChurnResult& result) {
    checks.equal("connected, echoed, closed", static_cast<double>(result.tally.answered),
                 static_cast<double>(options.connections), grouped);
    checks.equal("failed", static_cast<double>(result.tally.failed), 0, grouped);
    if (result.tally.failed > 0) checks.note("which", result.tally.failures_text());
    checks.note("connections a second", grouped(result.rate()));
}

// Against `switchboard serve`: checks which resources of the system the process still holds.
Result<void> judge_process(const ChurnOptions& options, const CpuPlan& cpus, Checks& checks) {
    auto server = start_echo("reactor", short_seen_at_once(options.parallel), cpus.server);
    if (!server) return tl::unexpected(server.error());
    const std::size_t descriptors = count_descriptors(server->pid());
    if (auto warm = warm_up(options, server->endpoint(), options.connections); !warm) return warm;
    const auto resident = static_cast<double>(status_bytes(server->pid(), "VmRSS"));
    const auto result = run_churn(plan_for(options, server->endpoint(), options.connections));
    judge_served(checks, options, result);
    wait_until([&] { return count_descriptors(server->pid()) <= descriptors; });
    if (const std::string gone = server->why_gone(); !gone.empty()) {
        checks.broken("server", gone);
        return {};
    }
    checks.equal("descriptors of the server", static_cast<double>(count_descriptors(server->pid())),
                 static_cast<double>(descriptors), grouped);
    const double grown = static_cast<double>(status_bytes(server->pid(), "VmRSS")) - resident;
    if (options.connections >= kEnoughToGrow) {
        checks.at_most("resident memory, growth", grown, kMebibyte, bytes_text);
    } else {
        checks.note("resident memory, growth", bytes_text(grown) + ", too few to judge");
    }
    return {};
}

class CountedEcho : public Protocol {
public:
    explicit CountedEcho(std::atomic<std::size_t>& live) : live_(live) { ++live_; }
    ~CountedEcho() override { --live_; }
    CountedEcho(const CountedEcho&) = delete;
    CountedEcho& operator=(const CountedEcho&) = delete;

    std::size_t on_data(Connection& connection, MutableBytes in) override {
        connection.write(in);
        return in.size();
    }

private:
    std::atomic<std::size_t>& live_;
};

// Against a reactor in this process: checks its statistics and the number of live objects.
Result<void> judge_objects(const ChurnOptions& options, const CpuPlan& cpus, Checks& checks) {
    std::atomic<std::size_t> live{0};
    auto server =
        PinnedReactor::start(cpus.server, [&live] { return std::make_unique<CountedEcho>(live); });
    if (!server) return tl::unexpected(server.error());
    const auto result = run_churn(plan_for(options, (*server)->endpoint(), options.connections));
    checks.note("again, in a reactor within reach", grouped(result.rate()) + " a second");
    if (result.tally.failed > 0) checks.broken("failed", result.tally.failures_text());
    wait_until([&] { return (*server)->stats().open == 0; });
    const ReactorStats stats = (*server)->stats();
    const auto all = static_cast<double>(options.connections);
    checks.equal("accepted", static_cast<double>(stats.accepted), all, grouped);
    checks.equal("closed", static_cast<double>(stats.closed), all, grouped);
    checks.equal("open", static_cast<double>(stats.open), 0, grouped);
    checks.equal("live protocol objects", static_cast<double>(live), 0, grouped);
    return {};
}

// The figures of one server in one round.
struct Round {
    double rate = 0;        // connections per second
    double server_cpu = 0;  // seconds per connection
    double load_share = 0;  // share of its CPU that the generator used
};

Result<Round> run_round(const ChurnOptions& options, const std::string& name, int cpu) {
    auto server = start_echo(name, short_seen_at_once(options.parallel), cpu);
    if (!server) return tl::unexpected(server.error());
    if (auto warm = warm_up(options, server->endpoint(), options.round_connections); !warm)
        return tl::unexpected(warm.error());
    const CpuMeter meter(server->pid());
    const CpuTime before = meter.read();
    const auto result = run_churn(plan_for(options, server->endpoint(), options.round_connections));
    const double used = (meter.read() - before).total;
    if (result.tally.failed > 0)
        return fail(errc::unsupported, name + ": " + result.tally.failures_text());
    return Round{result.rate(), used / static_cast<double>(options.round_connections),
                 result.cpu_share()};
}

// The figures of the reactor and of the peer, by round.
struct Comparison {
    std::array<Rounds, 2> rates, server_cpus;
    Rounds load_shares;  // of the reactor
};

Result<Comparison> compare_rates(const ChurnOptions& options, int cpu) {
    const std::array<std::string, 2> names{"reactor", options.baseline};
    std::mt19937 random(std::random_device{}());
    std::array<std::size_t, 2> order{0, 1};
    Comparison all;
    for (std::size_t round = 0; round < options.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (const std::size_t which : order) {
            const auto one = run_round(options, names[which], cpu);
            if (!one) return tl::unexpected(one.error());
            all.rates[which].push_back(one->rate);
            all.server_cpus[which].push_back(one->server_cpu);
            if (which == 0) all.load_shares.push_back(one->load_share);
        }
    }
    return all;
}

void note_cpu(Checks& checks, const Comparison& all) {
    const auto own = summarize(all.server_cpus[0]), peer = summarize(all.server_cpus[1]);
    const auto ratio = summarize(paired_ratios(all.server_cpus[0], all.server_cpus[1]));
    if (!own || !peer || !ratio) return;
    checks.note("  CPU of the server per connection",
                seconds_text(own->median) + " against " + seconds_text(peer->median) + ", " +
                    ratio_text(ratio->median) + spread_text(*ratio));
}

// The bound applies only to a comparison with the bare epoll peer.
void judge_rate(Checks& checks, const ChurnOptions& options, const char* where,
                const Comparison& all) {
    const std::string what = "rate to " + options.baseline + "'s, " + where;
    const Rounds ratios = paired_ratios(all.rates[0], all.rates[1]);
    if (options.baseline == "bare-epoll") {
        check_at_least(checks, {what, kLeastRate}, ratios);
    } else if (const auto ratio = summarize(ratios)) {
        checks.note(what, ratio_text(ratio->median) + spread_text(*ratio));
    }
    note_cpu(checks, all);
}

Result<void> judge_rates(const ChurnOptions& options, const CpuPlan& cpus, Checks& checks) {
    if (options.rounds == 0) return {};
    const auto apart = compare_rates(options, cpus.server);
    if (!apart) return tl::unexpected(apart.error());
    judge_rate(checks, options, "a CPU each", *apart);
    checks.note("  the generator's CPU is busy",
                fixed(summarize(apart->load_shares)->median * 100, 0) + "%");
    const auto shared = compare_rates(options, cpus.generator);
    if (!shared) return tl::unexpected(shared.error());
    judge_rate(checks, options, "one CPU for both", *shared);
    return {};
}

int churn(const ChurnOptions& options) {
    return run_checks([&](const CpuPlan& cpus, Checks& checks) -> Result<void> {
        if (auto pinned = pin_to(cpus.generator); !pinned) return pinned;
        std::printf("%zu connections, %zu at once: connect, one echo of 64 B, close\n",
                    options.connections, options.parallel);
        std::fflush(stdout);
        if (auto ran = judge_process(options, cpus, checks); !ran) return ran;
        if (auto ran = judge_objects(options, cpus, checks); !ran) return ran;
        return judge_rates(options, cpus, checks);
    });
}

}  // namespace
}  // namespace switchboard::bench

TEST_CASE("soak churn: a million short connections leave no descriptor, no memory and no object") {
    using namespace switchboard::bench;
    ChurnOptions options;
    if (soak_is_short()) {
        options.connections = 2'000;
        options.parallel = 20;
        options.rounds = 1;
        options.round_connections = 200;
    }
    CHECK(churn(options) == 0);
}

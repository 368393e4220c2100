// A million short connections: nothing may be left of them.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <random>

#include "churn_load.hpp"
#include "format.hpp"
#include "lists.hpp"
#include "pinned_reactor.hpp"
#include "process_status.hpp"
#include "trial.hpp"
#include "trial_parts.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

constexpr double kMebibyte = 1024 * 1024;
constexpr double kLeastRate = 0.95;            // of the bare epoll peer's
constexpr std::size_t kWarmUp = 5'000;         // connections
constexpr std::size_t kEnoughToGrow = 50'000;  // below it resident memory says nothing
constexpr std::size_t kMost = 100'000'000;

struct ChurnOptions {
    std::size_t connections = 1'000'000;
    std::size_t parallel = 64;
    std::size_t rounds = 11;
    std::size_t round_connections = 20'000;
    std::string baseline = "bare-epoll";
};

std::string names_of_peers() {
    std::string names;
    for (const ServerKind& kind : server_kinds()) {
        if (!kind.is_driver()) names += (names.empty() ? "" : ", ") + kind.name;
    }
    return names;
}

Result<void> check(const ChurnOptions& options) {
    // Where objects are counted both ends are in this process.
    const std::size_t most = (most_connections() - 1'000) / 5;
    if (auto fit = check_range("--connections", options.connections, 1, kMost); !fit) return fit;
    if (auto fit = check_range("--parallel", options.parallel, 1, most); !fit) return fit;
    if (auto fit = check_range("--rounds", options.rounds, 0, 1'000); !fit) return fit;
    const auto baseline = find_server_kind(options.baseline);
    if (!baseline || baseline->is_driver())
        return fail(errc::bad_option, "--baseline " + options.baseline + ": " + names_of_peers());
    return check_range("--round-connections", options.round_connections, 1, kMost);
}

ChurnPlan plan_for(const ChurnOptions& options, const Endpoint& target, std::size_t connections) {
    return {target, connections, options.parallel};
}

// As many as come afterwards, but no more than it takes.
Result<void> warm_up(const ChurnOptions& options, const Endpoint& target, std::size_t connections) {
    const std::size_t some = std::min(kWarmUp, connections);
    const OnceTally tally = run_churn(plan_for(options, target, some)).tally;
    if (tally.failed == 0) return {};
    return fail(errc::unsupported, "warm-up: " + tally.failures_text());
}

void judge_served(Verdicts& verdicts, const ChurnOptions& options, const ChurnResult& result) {
    verdicts.equal("connected, echoed, closed", static_cast<double>(result.tally.answered),
                   static_cast<double>(options.connections), grouped);
    verdicts.equal("failed", static_cast<double>(result.tally.failed), 0, grouped);
    if (result.tally.failed > 0) verdicts.note("which", result.tally.failures_text());
    verdicts.note("connections a second", grouped(result.rate()));
}

// Through `switchboard serve`, a process of its own: what it holds of the system.
Result<void> judge_process(const ChurnOptions& options, const CpuPlan& cpus, Verdicts& verdicts) {
    auto server = start_echo("reactor", short_seen_at_once(options.parallel), cpus.server);
    if (!server) return tl::unexpected(server.error());
    const std::size_t descriptors = count_descriptors(server->pid());
    if (auto warm = warm_up(options, server->endpoint(), options.connections); !warm) return warm;
    const auto resident = static_cast<double>(status_bytes(server->pid(), "VmRSS"));
    const auto result = run_churn(plan_for(options, server->endpoint(), options.connections));
    judge_served(verdicts, options, result);
    comes_true([&] { return count_descriptors(server->pid()) <= descriptors; });
    if (const std::string gone = server->why_gone(); !gone.empty()) {
        verdicts.broken("server", gone);
        return {};
    }
    verdicts.equal("descriptors of the server",
                   static_cast<double>(count_descriptors(server->pid())),
                   static_cast<double>(descriptors), grouped);
    const double grown = static_cast<double>(status_bytes(server->pid(), "VmRSS")) - resident;
    if (options.connections >= kEnoughToGrow) {
        verdicts.at_most("resident memory, growth", grown, kMebibyte, bytes_text);
    } else {
        verdicts.note("resident memory, growth", bytes_text(grown) + ", too few to judge");
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

// Through a reactor within reach: what it says is left, and what is.
Result<void> judge_objects(const ChurnOptions& options, const CpuPlan& cpus, Verdicts& verdicts) {
    std::atomic<std::size_t> live{0};
    auto server =
        PinnedReactor::start(cpus.server, [&live] { return std::make_unique<CountedEcho>(live); });
    if (!server) return tl::unexpected(server.error());
    const auto result = run_churn(plan_for(options, (*server)->endpoint(), options.connections));
    verdicts.note("again, in a reactor within reach", grouped(result.rate()) + " a second");
    if (result.tally.failed > 0) verdicts.broken("failed", result.tally.failures_text());
    comes_true([&] { return (*server)->stats().open == 0; });
    const ReactorStats stats = (*server)->stats();
    const auto all = static_cast<double>(options.connections);
    verdicts.equal("accepted", static_cast<double>(stats.accepted), all, grouped);
    verdicts.equal("closed", static_cast<double>(stats.closed), all, grouped);
    verdicts.equal("open", static_cast<double>(stats.open), 0, grouped);
    verdicts.equal("live protocol objects", static_cast<double>(live), 0, grouped);
    return {};
}

// What one server did in one round.
struct Round {
    double rate = 0;        // connections per second
    double server_cpu = 0;  // seconds per connection
    double load_share = 0;  // of the generator's CPU
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

// Of the reactor and of the peer, by round.
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

void note_cpu(Verdicts& verdicts, const Comparison& all) {
    const auto own = summarize(all.server_cpus[0]), peer = summarize(all.server_cpus[1]);
    const auto ratio = summarize(paired_ratios(all.server_cpus[0], all.server_cpus[1]));
    if (!own || !peer || !ratio) return;
    verdicts.note("  CPU of the server per connection",
                  seconds_text(own->median) + " against " + seconds_text(peer->median) + ", " +
                      ratio_text(ratio->median) + spread_text(*ratio));
}

// Only the bare epoll peer is what the bound is to.
void judge_rate(Verdicts& verdicts, const ChurnOptions& options, const char* where,
                const Comparison& all) {
    const std::string what = "rate to " + options.baseline + "'s, " + where;
    const Rounds ratios = paired_ratios(all.rates[0], all.rates[1]);
    if (options.baseline == "bare-epoll") {
        judge_at_least(verdicts, {what, kLeastRate}, ratios);
    } else if (const auto ratio = summarize(ratios)) {
        verdicts.note(what, ratio_text(ratio->median) + spread_text(*ratio));
    }
    note_cpu(verdicts, all);
}

Result<void> judge_rates(const ChurnOptions& options, const CpuPlan& cpus, Verdicts& verdicts) {
    if (options.rounds == 0) return {};
    const auto apart = compare_rates(options, cpus.server);
    if (!apart) return tl::unexpected(apart.error());
    judge_rate(verdicts, options, "a CPU each", *apart);
    verdicts.note("  the generator's CPU is busy",
                  fixed(summarize(apart->load_shares)->median * 100, 0) + "%");
    const auto shared = compare_rates(options, cpus.generator);
    if (!shared) return tl::unexpected(shared.error());
    judge_rate(verdicts, options, "one CPU for both", *shared);
    return {};
}

int churn(const ChurnOptions& options) {
    return judge([&](const CpuPlan& cpus, Verdicts& verdicts) -> Result<void> {
        if (auto pinned = pin_to(cpus.generator); !pinned) return pinned;
        std::printf("%zu connections, %zu at once: connect, one echo of 64 B, close\n",
                    options.connections, options.parallel);
        std::fflush(stdout);
        if (auto ran = judge_process(options, cpus, verdicts); !ran) return ran;
        if (auto ran = judge_objects(options, cpus, verdicts); !ran) return ran;
        return judge_rates(options, cpus, verdicts);
    });
}

}  // namespace

void add_churn(CLI::App& trials, std::function<int()>& chosen) {
    auto options = std::make_shared<ChurnOptions>();
    CLI::App* command = trials.add_subcommand("churn", "a million short connections leave nothing");
    add_parsed(*command, "--connections", options->connections, parse_count, "in all [1000000]",
               "N");
    add_parsed(*command, "--parallel", options->parallel, parse_count, "at once [64]", "N");
    add_parsed(*command, "--rounds", options->rounds, parse_count,
               "of the comparison [11]; 0: none", "N");
    add_parsed(*command, "--round-connections", options->round_connections, parse_count,
               "in each [20000]", "N");
    command->add_option("--baseline", options->baseline, "the peer to compare with [bare-epoll]");
    command->callback([options, &chosen] {
        if (auto fit = check(*options); !fit) throw CLI::ValidationError(fit.error().tried());
        chosen = [options] { return churn(*options); };
    });
}

}  // namespace switchboard::bench

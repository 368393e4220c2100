#include <signal.h>
#include <sys/types.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "base/files.hpp"
#include "base/histogram.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "report/load_report.hpp"
#include "report/progress.hpp"
#include "system/cpus.hpp"
#include "system/noise.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

struct LoadOptions {
    LoadPlan plan;
    std::string target;
    std::vector<double> rates;  // empty: a closed loop
    std::vector<std::string> background;
    pid_t server_pid = 0;
    OutputOptions outputs;
    std::string hgrm;
    ScriptOptions script;
    std::size_t rounds = 1;
    milliseconds interval{};  // 0: no table of intervals
    bool lists = false;
};

int print_workloads() {
    for (const WorkloadKind& kind : workload_kinds())
        fmt::print("{:<12} {} (serve {})\n", kind.name, kind.summary, kind.protocol);
    return 0;
}

Result<void> check_numbers(const LoadOptions& options) {
    const GroupPlan& group = options.plan.group;
    if (options.interval.count() > 0 && options.interval < milliseconds(100))
        return bad_option("--interval: must be at least 100ms");
    if (options.server_pid < 0)
        return bad_option("--server-pid {}: must be above 0", options.server_pid);
    if (options.server_pid != 0 && kill(options.server_pid, 0) != 0)
        return fail_errno(fmt::format("--server-pid {}", options.server_pid));
    return check_range("--connections", group.connections, 1, 1'000'000)
        .and_then([&] { return check_range("--depth", group.depth, 1, 1'000'000); })
        .and_then([&] { return check_range("--reply", group.reply, 1, 64 * 1024 * 1024); })
        .and_then([&] { return check_range("--rounds", options.rounds, 1, 1'000); })
        .and_then([&] { return check_duration(options.plan.duration); });
}

// Throws a CLI::ParseError for invalid options.
void complete(LoadOptions& options) {
    LoadPlan& plan = options.plan;
    or_usage_error(check_numbers(options));
    std::string target = options.target;
    plan.group.tls = target.starts_with("tls://");
    if (plan.group.tls) target.replace(0, 3, "tcp");
    plan.target = or_usage_error(Endpoint::parse(target));
    if (plan.target.kind() == Endpoint::Kind::udp)
        throw CLI::ValidationError(
            options.target +
            ": datagrams have no connections; use tcp://HOST:PORT, tls://HOST:PORT or unix:/PATH");
    if (!options.rates.empty()) plan.rate = options.rates.front();
    for (const std::string& text : options.background) {
        plan.background.push_back(or_usage_error(parse_background(text, plan.group.size)));
        plan.background.back().tls = plan.group.tls;
    }
    or_usage_error(check_connections(all_connections(plan)));
    or_usage_error(check(plan));
}

// Derives the figures of each interval from the running counts of the window.
class IntervalSampler {
public:
    explicit IntervalSampler(milliseconds length) : length_(length) {}

    void begin() { began_ = last_ = Clock::now(); }
    void update(const Tally& tally) {
        const auto now = Clock::now();
        if (began_ == Clock::time_point{} || now - last_ < length_) return;
        const Histogram part = tally.latency.since(latency_);
        const std::chrono::duration<double> at = now - began_, lasted = now - last_;
        intervals_.push_back(
            {at.count(), static_cast<double>(tally.exchanges - exchanges_) / lasted.count(),
             percentile_of(part, 50), percentile_of(part, 99), seconds_at(part, 100)});
        last_ = now;
        exchanges_ = tally.exchanges;
        latency_ = tally.latency;
    }
    std::vector<LoadInterval> take() { return std::move(intervals_); }

private:
    milliseconds length_;
    Clock::time_point began_{}, last_{};
    std::uint64_t exchanges_ = 0;
    Histogram latency_;
    std::vector<LoadInterval> intervals_;
};

// At most 120 intervals, so that a chart stays readable, and none shorter than four ticks of the generator.
milliseconds interval_of(const LoadOptions& options) {
    if (options.interval.count() > 0) return options.interval;
    return std::max(options.plan.duration / 120, milliseconds(200));
}

Result<LoadStep> run_step(const LoadOptions& options, const LoadPlan& plan, std::size_t round) {
    const pid_t server = options.server_pid;
    IntervalSampler sampler(interval_of(options));
    const CpuQuota quota;
    double throttled = 0;
    LoadProgress live(plan.duration, plan.rate > 0 ? rate_text(plan.rate) + "/s offered" : "load");
    std::optional<CpuMeter> meter;
    CpuTime before, after;
    LoadHooks hooks;
    const bool is_first = round == 1 && plan.rate == options.plan.rate;
    hooks.all_connected = [&] {
        if (is_first && allowed_cpus().size() > 1)
            live.say(
                "not pinned: the figures depend on where the scheduler puts this process and "
                "the server; use taskset -c N");
        if (server != 0) meter.emplace(server);
    };
    hooks.window_opens = [&] {
        live.window_opens();
        sampler.begin();
        throttled = quota.throttled();
        if (meter) before = meter->read();
    };
    hooks.window_closes = [&] {
        throttled = quota.throttled() - throttled;
        if (meter) after = meter->read();
    };
    hooks.interrupted = [&](const Tally& tally) {
        live.update(tally);
        sampler.update(tally);
        return is_interrupted();
    };
    auto result = run_load(plan, hooks);
    if (!result) return tl::unexpected(result.error());
    LoadStep step{plan.rate, round, *std::move(result)};
    step.throttled = step.result.lasted > 0 ? throttled : 0;
    step.intervals = sampler.take();
    if (meter) step.server_cpu = (after - before).total;
    if (meter) step.server_cpus = static_cast<double>(most_cpus(server));
    return step;
}

int print_results(const LoadOptions& options, const LoadReport& report) {
    Outputs outputs =
        write_outputs(options.outputs, to_text(report), to_json(report), options.hgrm);
    Histogram latencies;
    for (const LoadStep& step : report.steps) latencies.merge(step.result.tally.latency);
    outputs.note(write_file(options.hgrm, to_hgrm(latencies, kMicrosecond)));
    const WorkloadKind& kind = *find_workload_kind(options.plan.group.workload);
    if (std::ranges::any_of(report.steps, has_wrong_bytes))
        return print_error(
            options.plan.group.script
                ? "wrong bytes came back: a reply does not match --expect"
                : fmt::format("wrong bytes came back: workload {} requires a server of `{}`",
                              kind.name, kind.protocol));
    if (!outputs.all_written()) return 1;
    if (is_interrupted()) return 130;
    const bool none = std::ranges::all_of(
        report.steps, [](const LoadStep& step) { return step.result.tally.exchanges == 0; });
    // Idle connections have no exchanges; the run succeeds if they stay open.
    if (!none || kind.manner == WorkloadKind::Manner::idles) return 0;
    return print_error(fmt::format("{} to {}: nothing could be measured", kind.name,
                                   options.plan.target.to_string()));
}

// Connection attempts that have had no answer are not counted as failures yet.
std::string no_connection(const LoadPlan& plan, const Tally& tally) {
    const std::string failures = tally.failures_text();
    return fmt::format("connect {}: {}", plan.target.to_string(),
                       failures.empty()
                           ? fmt::format("no answer within {} ms", plan.quiet_period.count())
                           : failures);
}

int load(const LoadOptions& options) {
    raise_descriptor_limit();
    const auto writable =
        find_writable({options.outputs.json, options.hgrm, options.outputs.report});
    if (!writable) return print_error(writable.error());
    catch_interrupts();
    LoadReport report{options.plan, own_command_line(), {}};
    report.rounds = options.rounds;
    report.shows_intervals = options.interval.count() > 0;
    std::vector<double> rates = options.rates;
    if (rates.empty()) rates.push_back(0);
    const std::size_t all = rates.size() * options.rounds;
    for (std::size_t i = 0; i < all; ++i) {
        LoadPlan plan = options.plan;
        plan.rate = rates[i % rates.size()];
        const std::size_t round = 1 + i / rates.size();
        plan.seed += round - 1;
        auto step = run_step(options, plan, round);
        if (!step || (step->result.tally.connected == 0 && !step->result.interrupted)) {
            if (!report.steps.empty()) print_results(options, report);  // the steps so far
            return print_error(step ? no_connection(plan, step->result.tally)
                                    : step.error().message());
        }
        report.steps.push_back(*std::move(step));
        if (is_interrupted()) break;
    }
    report.not_run = all - report.steps.size();
    return print_results(options, report);
}

// An option that would have no effect is an error.
void check_effect(const CLI::App& app, const LoadOptions& options) {
    for (const std::string name : {"--arrivals", "--seed"}) {
        if (app.count(name) > 0 && options.rates.empty())
            throw CLI::ValidationError(name + " requires --rate");
    }
    if (app.count("--reply") > 0 && options.plan.group.workload != "reply")
        throw CLI::ValidationError("--reply requires --workload reply");
}

void add_what(CLI::App& app, LoadOptions& options) {
    GroupPlan& group = options.plan.group;
    app.add_option("endpoint", options.target,
                   "the server: tcp://HOST:PORT, unix:/PATH, or tls://HOST:PORT, whose certificate "
                   "is not verified");
    add_count(app, "-c,--connections", group.connections, "connections open at once [1]");
    add_parsed(app, "--size", group.size, parse_size, "bytes per message [64]", "SIZE");
    add_shape_options(app, {group.workload, group.depth, group.reply, options.background,
                            options.plan.arrivals, options.plan.exchanges});
    add_script_options(app, options.script);
}

void add_when(CLI::App& app, LoadOptions& options) {
    add_parsed(app, "--rate", options.rates, parse_rates,
               "open loop: requests a second, whether or not earlier ones were answered",
               "RATE|FROM..TO:STEP");
    add_count(app, "--seed", options.plan.seed, "seed for --arrivals poisson [1]");
    add_parsed(app, "--duration", options.plan.duration, parse_duration,
               "length of each measurement [10s]", "TIME");
    add_parsed(app, "--warm-up", options.plan.warm_up, parse_duration,
               "time under load before each measurement [500ms]", "TIME");
    add_count(app, "--rounds", options.rounds, "measurements of each rate [1]");
    add_parsed(app, "--interval", options.interval, parse_duration,
               "also print the figures of each interval", "TIME");
}

}  // namespace

void add_load(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<LoadOptions>();
    options->plan.duration = milliseconds(10'000);
    options->plan.warm_up = milliseconds(500);
    CLI::App* command = app.add_subcommand("load", "put one server under load");
    add_what(*command, *options);
    add_when(*command, *options);
    add_text(*command, "--server-pid", options->server_pid,
             "process of the server, whose CPU time is shown", "PID");
    add_output_options(*command, options->outputs);
    add_text(*command, "--hgrm", options->hgrm,
             "write the latency distribution in us, in the format of HdrHistogram", "FILE");
    command->add_flag("--list", options->lists, "print the workloads");
    command->callback([command, options, &chosen] {
        if (options->lists) {
            chosen = print_workloads;
            return;
        }
        if (options->target.empty()) throw CLI::RequiredError("endpoint");
        if (auto script = options->script.script(*command)) {
            options->plan.group.workload = "script";
            options->plan.group.size = script->front().request.size();
            options->plan.group.script = std::move(script);
        }
        check_effect(*command, *options);
        complete(*options);
        chosen = [options] { return load(*options); };
    });
}

}  // namespace switchboard::bench

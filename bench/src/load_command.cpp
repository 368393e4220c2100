#include "load_command.hpp"

#include <signal.h>
#include <sys/types.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "files.hpp"
#include "format.hpp"
#include "hgrm.hpp"
#include "interrupt.hpp"
#include "lists.hpp"
#include "live_line.hpp"
#include "load_report.hpp"
#include "programs.hpp"
#include "rates.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

struct LoadOptions {
    LoadPlan plan;
    std::string target;
    std::vector<double> rates;  // none: a closed loop
    std::vector<std::string> beside;
    pid_t server_pid = 0;
    std::string json, hgrm;
    bool lists = false;
};

int print_workloads() {
    for (const WorkloadKind& kind : workload_kinds())
        std::printf("%-12s %s (serve %s)\n", std::string(kind.name).c_str(),
                    std::string(kind.summary).c_str(), std::string(kind.protocol).c_str());
    return 0;
}

Result<void> check_descriptors(const LoadPlan& plan) {
    const std::size_t all = all_connections(plan);
    if (all <= most_connections()) return {};
    return fail(errc::bad_option, std::to_string(all) + " connections: the descriptor limit is " +
                                      std::to_string(descriptor_limit()) + " (ulimit -Hn)");
}

Result<void> check_numbers(const LoadOptions& options) {
    auto fits = check_range("--connections", options.plan.group.connections, 1, 1'000'000);
    if (fits) fits = check_range("--depth", options.plan.group.depth, 1, 1'000'000);
    if (fits) fits = check_range("--reply", options.plan.group.reply, 1, 64 * 1024 * 1024);
    if (fits) fits = check_duration(options.plan.duration);
    if (fits && options.server_pid < 0)
        fits = fail(errc::bad_option,
                    "--server-pid " + std::to_string(options.server_pid) + ": above 0");
    if (fits && options.server_pid != 0 && kill(options.server_pid, 0) != 0)
        fits = fail_errno("--server-pid " + std::to_string(options.server_pid));
    return fits;
}

Result<void> complete(LoadOptions& options) {
    if (auto fits = check_numbers(options); !fits) return fits;
    auto target = Endpoint::parse(options.target);
    if (!target) return tl::unexpected(target.error());
    if (target->kind() == Endpoint::Kind::udp)
        return fail(errc::bad_option,
                    options.target + ": has no connections; tcp://HOST:PORT or unix:PATH");
    options.plan.target = *std::move(target);
    if (!options.rates.empty()) options.plan.rate = options.rates.front();
    for (const std::string& text : options.beside) {
        auto beside = parse_beside(text, options.plan.group.size);
        if (!beside) return tl::unexpected(beside.error());
        options.plan.beside.push_back(*std::move(beside));
    }
    if (auto fits = check_descriptors(options.plan); !fits) return fits;
    return check(options.plan);
}

Result<LoadStep> run_step(const LoadPlan& plan, pid_t server) {
    LiveLine live(plan.duration, plan.rate > 0 ? grouped(plan.rate) + "/s asked" : "load");
    std::optional<CpuMeter> meter;
    CpuTime before, after;
    LoadHooks hooks;
    hooks.all_connected = [&] {
        if (server != 0) meter.emplace(server);
    };
    hooks.window_opens = [&] {
        live.window_opens();
        if (meter) before = meter->read();
    };
    hooks.window_closes = [&] {
        if (meter) after = meter->read();
    };
    hooks.interrupted = [&](const Tally& tally) {
        live.update(tally);
        return is_interrupted();
    };
    auto result = run_load(plan, hooks);
    if (!result) return tl::unexpected(result.error());
    LoadStep step{plan.rate, *std::move(result)};
    if (meter) step.server_cpu = (after - before).total;
    if (meter) step.server_cpus = static_cast<double>(most_cpus(server));
    return step;
}

Histogram latencies(const LoadReport& report) {
    Histogram all;
    for (const LoadStep& step : report.steps) all.merge(step.result.tally.latency);
    return all;
}

int tell(const LoadOptions& options, const LoadReport& report) {
    Outputs outputs;
    outputs.note(print(to_text(report)));
    outputs.note(write_file(options.json, to_json(report)));
    outputs.note(write_file(options.hgrm, to_hgrm(latencies(report), kMicrosecond)));
    const auto& steps = report.steps;
    if (std::any_of(steps.begin(), steps.end(), has_wrong_bytes)) {
        const WorkloadKind& kind = *find_workload_kind(options.plan.group.workload);
        return complain("wrong bytes came back (" + std::string(kind.name) +
                        " is for what `switchboard serve " + std::string(kind.protocol) +
                        "` speaks)");
    }
    if (!outputs.all_written()) return 1;
    if (is_interrupted()) return 130;
    const bool none = std::all_of(steps.begin(), steps.end(), [](const LoadStep& step) {
        return step.result.tally.exchanges == 0;
    });
    // Idle connections exchange nothing, and are measured by staying.
    if (!none ||
        find_workload_kind(options.plan.group.workload)->manner == WorkloadKind::Manner::idles)
        return 0;
    return complain(options.plan.group.workload + " to " + options.plan.target.to_string() +
                    ": nothing could be measured");
}

// Some may not have been told yet that nobody takes them.
std::string no_connection(const LoadPlan& plan, const Tally& tally) {
    const std::string failures = tally.failures_text();
    return "connect " + plan.target.to_string() + ": " +
           (failures.empty() ? "no answer within " + std::to_string(plan.settle.count()) + " ms"
                             : failures);
}

int load(const LoadOptions& options) {
    raise_descriptor_limit();
    if (auto writable = find_writable({options.json, options.hgrm}); !writable)
        return complain(writable.error().message());
    catch_interrupts();
    LoadReport report{options.plan, own_command_line(), {}};
    std::vector<double> rates = options.rates;
    if (rates.empty()) rates.push_back(0);
    for (const double rate : rates) {
        LoadPlan plan = options.plan;
        plan.rate = rate;
        auto step = run_step(plan, options.server_pid);
        if (!step) {
            if (!report.steps.empty()) tell(options, report);  // what there is
            return complain(step.error().message());
        }
        if (step->result.tally.connected == 0 && !step->result.interrupted) {
            if (!report.steps.empty()) tell(options, report);
            return complain(no_connection(plan, step->result.tally));
        }
        report.steps.push_back(*std::move(step));
        if (is_interrupted()) break;
    }
    report.not_run = rates.size() - report.steps.size();
    return tell(options, report);
}

// What would be without effect is a mistake.
void check_effect(const CLI::App& app, const LoadOptions& options) {
    for (const char* name : {"--arrivals", "--seed"}) {
        if (app.count(name) > 0 && options.rates.empty())
            throw CLI::ValidationError(std::string(name) + ": of --rate alone");
    }
    if (app.count("--reply") > 0 && options.plan.group.workload != "reply")
        throw CLI::ValidationError("--reply: of --workload reply alone");
}

void add_what(CLI::App& app, LoadOptions& options) {
    GroupPlan& group = options.plan.group;
    app.add_option("endpoint", options.target, "what is asked: tcp://HOST:PORT or unix:PATH");
    app.add_option("--workload", group.workload, "what a connection does; --list has them [echo]")
        ->type_name("NAME");
    add_parsed(app, "-c,--connections", group.connections, parse_count, "open at once [1]", "N");
    add_parsed(app, "--depth", group.depth, parse_count,
               "requests under way per connection, at most [1]", "N");
    add_parsed(app, "--size", group.size, parse_size, "bytes per message [64]", "SIZE");
    add_parsed(app, "--reply", group.reply, parse_size, "bytes per reply, of reply [64]", "SIZE");
    app.add_option("--beside", options.beside, "what goes on beside it, as idle:1000")
        ->type_name("WORKLOAD:N");
}

void add_when(CLI::App& app, LoadOptions& options) {
    add_parsed(app, "--rate", options.rates, parse_rates,
               "requests a second, whatever was answered (an open loop)", "RATE|FROM..TO:STEP");
    add_parsed(app, "--arrivals", options.plan.arrivals, parse_arrivals,
               "how these come [constant]", "constant|poisson");
    add_parsed(app, "--seed", options.plan.seed, parse_count, "of these [1]", "N");
    add_parsed(app, "--duration", options.plan.duration, parse_duration,
               "what is measured, of each rate [10s]", "TIME");
    add_parsed(app, "--warm-up", options.plan.warm_up, parse_duration,
               "under load before that [500ms]", "TIME");
    add_parsed(app, "--exchanges", options.plan.exchanges, parse_count,
               "or until so many have been made", "N");
}

}  // namespace

void add_load(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<LoadOptions>();
    options->plan.duration = milliseconds(10'000);
    options->plan.warm_up = milliseconds(500);
    CLI::App* command = app.add_subcommand("load", "any server under load");
    add_what(*command, *options);
    add_when(*command, *options);
    command->add_option("--server-pid", options->server_pid, "whose CPU time is told as well")
        ->type_name("PID");
    command->add_option("--json", options->json, "write all figures there")->type_name("FILE");
    command
        ->add_option("--hgrm", options->hgrm,
                     "write the latencies of all rates there, in us, as HdrHistogram does")
        ->type_name("FILE");
    command->add_flag("--list", options->lists, "print the workloads");
    command->callback([command, options, &chosen] {
        if (options->lists) {
            chosen = print_workloads;
            return;
        }
        if (options->target.empty()) throw CLI::RequiredError("endpoint");
        check_effect(*command, *options);
        // Where it is no system call that failed, the words say all.
        if (auto fits = complete(*options); !fits)
            throw CLI::ValidationError(fits.error() == errc::bad_option ? fits.error().tried()
                                                                        : fits.error().message());
        chosen = [options] { return load(*options); };
    });
}

}  // namespace switchboard::bench

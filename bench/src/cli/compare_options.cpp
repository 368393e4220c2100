#include "cli/compare_options.hpp"

#include <algorithm>

#include "base/find.hpp"
#include "base/text.hpp"
#include "compare/run_cell.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

void add_load_options(CLI::App& app, Experiment& experiment) {
    add_list(app, "--drivers", experiment.servers, parse_name,
             "drivers and peers to compare: " + list_servers() + " [all]");
    add_list(app, "--connections", experiment.connections, parse_count,
             "connections open at once [1,10,100,1000]");
    add_list(app, "--size", experiment.sizes, parse_size, "bytes per message [64,16k]");
    add_shape_options(app, {experiment.workload, experiment.depth, experiment.reply,
                            experiment.background, experiment.arrivals, experiment.exchanges});
    add_parsed(app, "--work", experiment.work, parse_work,
               "CPU time of the server per request (workload `reply`)", "TIME");
    add_parsed(app, "--rate", experiment.rate, parse_rate,
               "open loop: requests a second, whether or not earlier ones were answered", "RATE");
}

void add_round_options(CLI::App& app, Experiment& experiment) {
    add_parsed(app, "--duration", experiment.duration, parse_duration,
               "length of one measurement [2s]", "TIME");
    add_count(app, "--rounds", experiment.rounds, "measurements of each server and load [5]");
    add_count(app, "--workers", experiment.workers, "size of the thread and process pools [4]");
    add_text(app, "--over", experiment.over,
             "TCP over loopback, unix sockets, or TLS over loopback [tcp]", "tcp|unix|tls");
    add_text(app, "--baseline", experiment.baseline,
             "server that ratios are computed against [reactor]", "NAME");
    add_count(app, "--seed", experiment.seed, "seed of the random order [random]");
}

void add_other_options(CLI::App& app, CompareOptions& options) {
    app.add_flag("--same-core", options.experiment.same_core,
                 "run server and generator on one CPU");
    app.add_flag("--spread", options.experiment.spread, "let the server use all CPUs");
    app.add_flag("--quick", options.quick,
                 "a short run with a short table: 1 and 100 connections, 64 B, 3 x 400 ms");
    add_text(app, "--scenario", options.experiment.scenario,
             "a named set of options; --list prints them", "NAME");
    app.add_flag("--list", options.lists, "print the scenarios");
    add_parsed(app, "--noise", options.experiment.noise, parse_percent,
               "CPU that other processes may use before a row is marked ~ [5%]", "N%");
    app.add_flag("--find-knee", options.experiment.find_knee,
                 "search the highest rate that meets --slo");
    add_parsed(app, "--slo", options.experiment.slo, parse_slo,
               "objective for --find-knee, e.g. p99<2ms", "p99<2ms");
    add_output_options(app, options.outputs);
    add_text(app, "--csv", options.csv, "write the figures of each round as CSV", "FILE");
    add_text(app, "--hgrm", options.hgrm, "write each latency distribution there, in us", "FOLDER");
}

// Whether the scenario's option `name` conflicts with one from the command line.
bool gives_way(const CLI::App& app, std::string_view name) {
    if (name == "--spread") return app.count("--same-core") > 0;
    if (name == "--same-core") return app.count("--spread") > 0;
    return (name == "--rate" || name == "--arrivals") && app.count("--find-knee") > 0;
}

// Options on the command line take precedence.
void apply_scenario(CLI::App& app, const CompareOptions& options) {
    if (options.experiment.scenario.empty()) return;
    const auto all = scenarios();
    const Scenario* const scenario = find_by(all, options.experiment.scenario, &Scenario::name);
    if (scenario == nullptr)
        throw CLI::ValidationError(fmt::format("unknown scenario '{}'; available: {}",
                                               options.experiment.scenario,
                                               joined(all, ", ", &Scenario::name)));
    for (const auto& [name, value] : scenario->options()) {
        CLI::Option* const option = app.get_option(name);
        if (option->count() > 0 || gives_way(app, name)) continue;
        option->add_result(value.empty() ? "true" : value);
        option->run_callback();
    }
}

// Options on the command line take precedence over --quick.
void apply_quick(const CLI::App& app, CompareOptions& options) {
    if (!options.quick) return;
    if (app.count("--connections") == 0) options.experiment.connections = {1, 100};
    if (app.count("--size") == 0) options.experiment.sizes = {64};
    if (app.count("--duration") == 0) options.experiment.duration = milliseconds(400);
    if (app.count("--rounds") == 0) options.experiment.rounds = 3;
}

// If none is taken, all stay, so that the error names the option that was given.
template <class Takes>
void keep_taken(std::vector<std::size_t>& defaults, Takes takes) {
    if (std::ranges::any_of(defaults, takes)) std::erase_if(defaults, std::not_fn(takes));
}

// Leaves out defaults that the workload refuses: `line` has no 16 KiB, `fan-out` needs two connections.
void fit_defaults(const CLI::App& app, CompareOptions& options) {
    const WorkloadKind* const kind = find_workload_kind(options.experiment.workload);
    if (kind == nullptr || options.experiment.script) return;
    const auto takes = [&](std::size_t size, std::size_t connections) {
        return kind->make({size, options.experiment.reply, connections}).has_value();
    };
    if (app.count("--connections") == 0)
        keep_taken(options.experiment.connections,
                   [&](std::size_t n) { return takes(options.experiment.sizes.front(), n); });
    if (app.count("--size") == 0)
        keep_taken(options.experiment.sizes, [&](std::size_t size) {
            return takes(size, options.experiment.connections.back());
        });
}

// Own servers come first. With --request, drivers and peers are left out, because they only echo.
void use_servers(CompareOptions& options) {
    Experiment& experiment = options.experiment;
    for (const std::string& text : options.servers)
        experiment.own_servers.push_back(or_usage_error(parse_own_server(text)));
    options.all_servers = experiment.servers.empty();
    if (!options.all_servers && experiment.script)
        throw CLI::ValidationError(
            "--drivers excludes --request: drivers and peers echo, they do not speak your "
            "protocol");
    if (options.all_servers && !experiment.script) {
        // Peers that echo are listed for any workload, so that the results say why they are left out.
        const WorkloadKind* const workload = find_workload_kind(experiment.workload);
        for (const ServerKind& kind : server_kinds()) {
            if (workload == nullptr || kind.speaks(workload->protocol) || kind.serves == "echo")
                experiment.servers.push_back(kind.name);
        }
    }
    for (auto own = experiment.own_servers.rbegin(); own != experiment.own_servers.rend(); ++own)
        experiment.servers.insert(experiment.servers.begin(), own->name);
    if (experiment.servers.empty())
        throw CLI::ValidationError("--request: name a server of your own with --server");
}

void use_script(const CLI::App& app, CompareOptions& options) {
    auto script = options.script.script(app);
    if (!script) return;
    Experiment& experiment = options.experiment;
    experiment.workload = "script";
    experiment.sizes = {script->front().request.size()};
    experiment.script = std::move(script);
}

// The default baseline may be missing; then there are no ratios.
void check_baseline(const CLI::App& app, CompareOptions& options) {
    Experiment& experiment = options.experiment;
    if (find_by(experiment.servers, experiment.baseline, std::identity()) != nullptr) return;
    if (app.count("--baseline") > 0)
        throw CLI::ValidationError("--baseline " + experiment.baseline +
                                   " is not among the servers");
    if (!experiment.own_servers.empty()) experiment.baseline = experiment.servers.front();
}

Result<void> check_servers(const Experiment& experiment) {
    for (const std::string& name : experiment.servers) {
        if (!experiment.server(name))
            return bad_option("unknown driver '{}'; available: {}", name, list_servers());
    }
    if (experiment.server(experiment.baseline)) return {};
    return bad_option("unknown --baseline '{}'; available: {}", experiment.baseline,
                      list_servers());
}

Result<void> check_counts(const Experiment& experiment) {
    if (experiment.depth == 0) return bad_option("--depth 0: must be at least 1");
    if (experiment.over != "tcp" && experiment.over != "unix" && experiment.over != "tls")
        return bad_option("invalid --over '{}'; available: tcp, unix, tls", experiment.over);
    return check_range("--rounds", experiment.rounds, 1, 1'000)
        .and_then([&] { return check_range("--workers", experiment.workers, 1, 1'000); })
        .and_then([&] { return check_duration(experiment.duration); });
}

Result<void> check_together(const Experiment& experiment) {
    const WorkloadKind& kind = *find_workload_kind(experiment.workload);
    if (experiment.same_core && experiment.spread)
        return bad_option("--same-core and --spread exclude each other");
    if (experiment.find_knee != experiment.slo.has_value())
        return bad_option("--find-knee and --slo require each other");
    if (experiment.find_knee && experiment.rate > 0)
        return bad_option("--find-knee excludes --rate");
    if (experiment.find_knee && kind.is_stream())
        return bad_option("--find-knee: workload {} has no requests", kind.name);
    if (kind.manner == WorkloadKind::Manner::idles)
        return bad_option("--workload {} has nothing to compare; use --background {}:N", kind.name,
                          kind.name);
    if (experiment.arrivals != Arrivals::constant && experiment.rate <= 0)
        return bad_option("--arrivals requires --rate");
    if (experiment.work.count() > 0 && kind.name != "reply")
        return bad_option("--work requires --workload reply");
    return {};
}

// Checks that each load is possible, with its size and its number of connections.
Result<void> check_loads(const Experiment& experiment) {
    for (const std::string& background : experiment.background) {
        if (auto parsed = parse_background(background, 1); !parsed)
            return tl::unexpected(parsed.error());
    }
    for (const Cell& load : all_loads(experiment)) {
        if (load.connections == 0) return bad_option("--connections 0: must be at least 1");
        const LoadPlan plan = plan_for(experiment, load, 1);
        const auto fits =
            check_connections(all_connections(plan)).and_then([&] { return check(plan); });
        if (!fits) return fits;
    }
    return {};
}

template <class Value>
Result<void> check_unique(const char* option, std::vector<Value> values) {
    std::ranges::sort(values);
    const auto twice = std::ranges::adjacent_find(values);
    if (twice == values.end()) return {};
    return bad_option("{} {} is given more than once", option, *twice);
}

}  // namespace

Result<void> check(const Experiment& experiment) {
    return check_counts(experiment)
        .and_then([&] { return check_unique("--drivers", experiment.servers); })
        .and_then([&] { return check_unique("--connections", experiment.connections); })
        .and_then([&] { return check_unique("--size", experiment.sizes); })
        .and_then([&] { return check_servers(experiment); })
        .and_then([&] { return check_loads(experiment); })
        .and_then([&] { return check_together(experiment); });
}

void describe_compare(CLI::App& app, CompareOptions& options, std::function<void()> then) {
    add_load_options(app, options.experiment);
    add_round_options(app, options.experiment);
    add_text(
        app, "--server", options.servers,
        "a server of your own, may be repeated: NAME='COMMAND {port}', started with a free port, "
        "or NAME=tcp://HOST:PORT",
        "NAME=...");
    add_script_options(app, options.script);
    add_other_options(app, options);
    app.callback([&app, &options, then = std::move(then)] {
        if (options.lists) return then();
        apply_scenario(app, options);
        apply_quick(app, options);
        use_script(app, options);
        fit_defaults(app, options);
        if (app.count("--reply") > 0 && options.experiment.workload != "reply")
            throw CLI::ValidationError("--reply requires --workload reply");
        use_servers(options);
        or_usage_error(check(options.experiment));
        check_baseline(app, options);
        then();
    });
}

}  // namespace switchboard::bench

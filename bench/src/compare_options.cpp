#include "compare_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <switchboard/limits.hpp>

#include "compare.hpp"
#include "lists.hpp"
#include "rates.hpp"
#include "scenarios.hpp"
#include "server.hpp"
#include "workload.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

void add_load_options(CLI::App& app, CompareOptions& options) {
    add_list(app, "--drivers", options.servers, parse_name,
             "to compare: " + list_servers() + " [all]");
    app.add_option("--workload", options.workload, "what clients do: see load --list [echo]")
        ->type_name("NAME");
    add_list(app, "--connections", options.connections, parse_count,
             "open at once [1,10,100,1000]");
    add_list(app, "--size", options.sizes, parse_size, "bytes per message [64,16k]");
    add_parsed(app, "--reply", options.reply, parse_size, "bytes per reply, of reply [64]", "SIZE");
    add_parsed(app, "--depth", options.depth, parse_count, "messages under way per connection [1]",
               "N");
    app.add_option("--beside", options.beside, "what goes on beside it, as idle:1000")
        ->type_name("WORKLOAD:N");
    add_parsed(app, "--work", options.work, parse_work,
               "CPU time that the server takes for each request, of reply", "TIME");
}

void add_time_options(CLI::App& app, CompareOptions& options) {
    add_parsed(app, "--rate", options.rate, parse_rate,
               "requests a second, whatever was answered (an open loop)", "RATE");
    add_parsed(app, "--arrivals", options.arrivals, parse_arrivals, "how these come [constant]",
               "constant|poisson");
    add_parsed(app, "--duration", options.duration, parse_duration,
               "what one measurement lasts [2s]", "TIME");
    add_parsed(app, "--exchanges", options.exchanges, parse_count,
               "or until so many have been made", "N");
    add_parsed(app, "--rounds", options.rounds, parse_count, "measurements of each kind [5]", "N");
    add_parsed(app, "--workers", options.workers, parse_count,
               "threads or processes of the pools [4]", "N");
    app.add_option("--over", options.over, "sockets of the loopback network or of files [tcp]")
        ->type_name("tcp|unix");
    app.add_option("--baseline", options.baseline, "what ratios are to [reactor]")
        ->type_name("NAME");
    add_parsed(app, "--seed", options.seed, parse_count, "of the random order [from the clock]",
               "N");
}

void add_other_options(CLI::App& app, CompareOptions& options) {
    app.add_flag("--same-core", options.same_core, "server and generator share one CPU");
    app.add_flag("--spread", options.spread, "the server has all CPUs");
    app.add_flag("--quick", options.quick, "a short run: 1 and 100 connections, 64 B, 3 x 400 ms");
    app.add_option("--scenario", options.scenario, "a load by its name")->type_name("NAME");
    app.add_flag("--list", options.lists, "print the scenarios");
    add_parsed(app, "--noise", options.noise, parse_percent,
               "CPU that others may use before a figure is invalid [5%]", "N%");
    app.add_flag("--find-knee", options.find_knee, "search the highest rate that keeps --slo");
    add_parsed(app, "--slo", options.slo, parse_slo, "what that is to keep", "p99<2ms");
    app.add_flag("--cost", options.cost, "count system calls, instructions and allocations, too");
    app.add_option("--json", options.json, "write all figures there")->type_name("FILE");
    app.add_option("--csv", options.csv, "write the figures of each round there")
        ->type_name("FILE");
    app.add_option("--hgrm", options.hgrm, "write the latencies of each cell there, in us")
        ->type_name("FOLDER");
    app.add_option("--report", options.report, "write a page with table and plots there")
        ->type_name("FILE.html");
}

// Whether an option of a scenario excludes one that was given.
bool gives_way(const CLI::App& app, std::string_view name) {
    if (name == "--spread") return app.count("--same-core") > 0;
    if (name == "--same-core") return app.count("--spread") > 0;
    return (name == "--rate" || name == "--arrivals") && app.count("--find-knee") > 0;
}

// What stands for itself on the command line goes first.
void apply_scenario(CLI::App& app, const CompareOptions& options) {
    if (options.scenario.empty()) return;
    const Scenario* const scenario = find_scenario(options.scenario);
    if (scenario == nullptr) {
        std::string names;
        for (const Scenario& each : scenarios()) names += " " + std::string(each.name);
        throw CLI::ValidationError("--scenario " + options.scenario + ": there is" + names);
    }
    for (const auto& [name, value] : scenario->options) {
        CLI::Option* const option = app.get_option(name);
        if (option->count() > 0 || gives_way(app, name)) continue;
        option->add_result(value.empty() ? "true" : value);
        option->run_callback();
    }
}

// What was not asked for in words is as short as --quick has it.
void apply_quick(const CLI::App& app, CompareOptions& options) {
    if (!options.quick) return;
    if (app.count("--connections") == 0) options.connections = {1, 100};
    if (app.count("--size") == 0) options.sizes = {64};
    if (app.count("--duration") == 0) options.duration = milliseconds(400);
    if (app.count("--rounds") == 0) options.rounds = 3;
}

// Where none is taken all stay, and what was asked for is what is wrong.
template <class Takes>
void keep_taken(std::vector<std::size_t>& defaults, Takes takes) {
    if (std::any_of(defaults.begin(), defaults.end(), takes))
        std::erase_if(defaults, std::not_fn(takes));
}

// Of the defaults those that the workload takes: a line has no 16 KiB, and one alone has nobody to hear it.
void fit_defaults(const CLI::App& app, CompareOptions& options) {
    const WorkloadKind* const kind = find_workload_kind(options.workload);
    if (kind == nullptr) return;
    const auto takes = [&](std::size_t size, std::size_t connections) {
        return kind->make({size, options.reply, connections}).has_value();
    };
    if (app.count("--connections") == 0)
        keep_taken(options.connections,
                   [&](std::size_t n) { return takes(options.sizes.front(), n); });
    if (app.count("--size") == 0)
        keep_taken(options.sizes,
                   [&](std::size_t size) { return takes(size, options.connections.back()); });
}

void use_all_servers(CompareOptions& options) {
    if (!options.servers.empty()) return;
    options.all_servers = true;
    for (const ServerKind& kind : server_kinds()) options.servers.push_back(kind.name);
}

// The default one may be missing: then there are no ratios.
void check_baseline(const CLI::App& app, const CompareOptions& options) {
    const auto& servers = options.servers;
    const bool there = std::find(servers.begin(), servers.end(), options.baseline) != servers.end();
    if (!there && app.count("--baseline") > 0)
        throw CLI::ValidationError("--baseline " + options.baseline + ": not among --drivers");
}

}  // namespace

Cpus CompareOptions::cpus() const {
    if (spread) return Cpus::spread;
    return same_core ? Cpus::shared : Cpus::apart;
}

milliseconds CompareOptions::warm_up() const {
    return std::clamp(duration / 4, milliseconds(100), milliseconds(500));
}

milliseconds CompareOptions::settle() const {
    return std::clamp(duration / 2, milliseconds(300), milliseconds(1'000));
}

void describe_compare(CLI::App& app, CompareOptions& options, std::function<void()> then) {
    add_load_options(app, options);
    add_time_options(app, options);
    add_other_options(app, options);
    app.callback([&app, &options, then = std::move(then)] {
        if (options.lists) return then();
        apply_scenario(app, options);
        apply_quick(app, options);
        fit_defaults(app, options);
        if (app.count("--reply") > 0 && options.workload != "reply")
            throw CLI::ValidationError("--reply: of --workload reply alone");
        use_all_servers(options);
        if (auto holds = check(options); !holds) throw CLI::ValidationError(holds.error().tried());
        check_baseline(app, options);
        then();
    });
}

void add_compare(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<CompareOptions>();
    CLI::App* command = app.add_subcommand(
        "compare", "one handler under every driver, and bare peers, side by side");
    describe_compare(*command, *options, [options, &chosen] {
        chosen = [options] {
            if (!options->lists) return compare(*options);
            std::fputs(list_scenarios().c_str(), stdout);
            return 0;
        };
    });
}

}  // namespace switchboard::bench

#include "compare_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <switchboard/limits.hpp>

#include "compare.hpp"
#include "lists.hpp"
#include "programs.hpp"
#include "server.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kOtherDescriptors = 64;
constexpr std::size_t kMostUnderWay = 64 * 1024 * 1024;  // bytes of one connection

template <class T>
T value_or_throw(const char* option, Result<T> value) {
    if (!value) throw CLI::ValidationError(option, value.error().message());
    return *std::move(value);
}

void add_duration(CLI::App& app, CompareOptions& options) {
    const auto read = [&options](const std::string& text) {
        options.duration = value_or_throw("--duration", parse_duration(text));
    };
    app.add_option_function<std::string>("--duration", read, "what one measurement lasts [2s]")
        ->type_name("TIME");
}

void add_noise(CLI::App& app, CompareOptions& options) {
    const auto read = [&options](const std::string& text) {
        options.noise = value_or_throw("--noise", parse_percent(text));
    };
    app.add_option_function<std::string>("--noise", read,
                                         "CPU that others may use before a figure is invalid [5%]")
        ->type_name("N%");
}

void add_load_options(CLI::App& app, CompareOptions& options) {
    app.add_option("--protocol", options.protocol, "what is served [echo]")->type_name("NAME");
    add_list(app, "--drivers", options.servers, parse_name, "drivers and peers to compare [all]");
    add_list(app, "--connections", options.connections, parse_count,
             "open at once [1,10,100,1000]");
    add_list(app, "--size", options.sizes, parse_size, "bytes per message [64,16k]");
    app.add_option("--depth", options.depth, "messages under way per connection [1]")
        ->type_name("N");
    add_duration(app, options);
    app.add_option("--rounds", options.rounds, "measurements of each kind [5]")->type_name("N");
    app.add_option("--workers", options.workers, "threads or processes of the pools [4]")
        ->type_name("N");
}

void add_other_options(CLI::App& app, CompareOptions& options) {
    app.add_option("--over", options.over, "sockets of the loopback network or of files [tcp]")
        ->type_name("tcp|unix");
    app.add_option("--baseline", options.baseline, "what ratios are to [reactor]")
        ->type_name("NAME");
    app.add_option("--seed", options.seed, "of the random order [from the clock]")->type_name("N");
    app.add_flag("--same-core", options.same_core, "server and generator share one CPU");
    app.add_flag("--quick", options.quick, "a short run: 1 and 100 connections, 64 B, 3 x 400 ms");
    add_noise(app, options);
    app.add_flag("--cost", options.cost, "count system calls, instructions and allocations, too");
    app.add_option("--json", options.json, "write all figures there")->type_name("FILE");
    app.add_option("--csv", options.csv, "write the figures of each round there")
        ->type_name("FILE");
    app.add_option("--report", options.report, "write a page with table and plots there")
        ->type_name("FILE.html");
}

// What was not asked for in words is as short as --quick has it.
void apply_quick(const CLI::App& app, CompareOptions& options) {
    if (!options.quick) return;
    if (app.count("--connections") == 0) options.connections = {1, 100};
    if (app.count("--size") == 0) options.sizes = {64};
    if (app.count("--duration") == 0) options.duration = milliseconds(400);
    if (app.count("--rounds") == 0) options.rounds = 3;
}

void use_all_servers(CompareOptions& options) {
    if (!options.servers.empty()) return;
    for (const ServerKind& kind : server_kinds()) options.servers.push_back(kind.name);
}

// The default one may be missing: then there are no ratios.
void check_baseline(const CLI::App& app, const CompareOptions& options) {
    const auto& servers = options.servers;
    const bool there = std::find(servers.begin(), servers.end(), options.baseline) != servers.end();
    if (!there && app.count("--baseline") > 0)
        throw CLI::ValidationError("--baseline " + options.baseline + ": not among --drivers");
}

Result<void> bad(const std::string& what) {
    return fail(errc::bad_option, what);
}

Result<void> check_server(const std::string& name) {
    if (find_server_kind(name) != nullptr) return {};
    std::string known;
    for (const ServerKind& kind : server_kinds()) known += " " + kind.name;
    return bad("--drivers " + name + ": there is" + known);
}

Result<void> check_connections(std::size_t connections) {
    const std::size_t limit = descriptor_limit();
    const std::string asked = "--connections " + std::to_string(connections);
    if (connections == 0) return bad(asked + ": at least 1");
    if (connections <= limit - std::min(limit, kOtherDescriptors)) return {};
    return bad(asked + ": the descriptor limit is " + std::to_string(limit) +
               " (ulimit -Hn), so at most " +
               std::to_string(limit - std::min(limit, kOtherDescriptors)));
}

Result<void> check_size(std::size_t size, std::size_t depth) {
    if (size == 0) return bad("--size 0: at least 1");
    if (size <= kMostUnderWay / depth) return {};
    return bad("--size " + std::to_string(size) + ": times --depth it is more than 64 MiB");
}

Result<void> check_counts(const CompareOptions& options) {
    if (options.depth == 0 || options.depth > kMostUnderWay) return bad("--depth: 1 to 67108864");
    if (options.rounds == 0 || options.rounds > 1'000) return bad("--rounds: 1 to 1000");
    if (options.workers == 0 || options.workers > 1'000) return bad("--workers: 1 to 1000");
    if (options.duration < milliseconds(50)) return bad("--duration: at least 50ms");
    if (options.over != "tcp" && options.over != "unix") {
        return bad("--over " + options.over + ": tcp or unix");
    }
    if (options.protocol != "echo") {
        return bad("--protocol " + options.protocol + ": there is a load for echo only");
    }
    return {};
}

template <class T>
bool has_repeats(std::vector<T> values) {
    std::sort(values.begin(), values.end());
    return std::adjacent_find(values.begin(), values.end()) != values.end();
}

Result<void> check_lists(const CompareOptions& options) {
    if (has_repeats(options.servers)) return bad("--drivers: a name is there twice");
    if (has_repeats(options.connections)) return bad("--connections: a number is there twice");
    if (has_repeats(options.sizes)) return bad("--size: a number is there twice");
    return {};
}

}  // namespace

milliseconds CompareOptions::warm_up() const {
    return std::clamp(duration / 4, milliseconds(100), milliseconds(500));
}

milliseconds CompareOptions::settle() const {
    return std::clamp(duration / 2, milliseconds(300), milliseconds(1'000));
}

Result<void> check(const CompareOptions& options) {
    if (auto counts = check_counts(options); !counts) return counts;
    if (auto lists = check_lists(options); !lists) return lists;
    for (const std::string& name : options.servers) {
        if (auto server = check_server(name); !server) return server;
    }
    for (const std::size_t connections : options.connections) {
        if (auto allowed = check_connections(connections); !allowed) return allowed;
    }
    for (const std::size_t size : options.sizes) {
        if (auto allowed = check_size(size, options.depth); !allowed) return allowed;
    }
    return find_server_kind(options.baseline) ? Result<void>()
                                              : bad("--baseline " + options.baseline + ": unknown");
}

void describe_compare(CLI::App& app, CompareOptions& options, std::function<void()> then) {
    add_load_options(app, options);
    add_other_options(app, options);
    app.callback([&app, &options, then = std::move(then)] {
        apply_quick(app, options);
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
    describe_compare(*command, *options,
                     [options, &chosen] { chosen = [options] { return compare(*options); }; });
}

}  // namespace switchboard::bench

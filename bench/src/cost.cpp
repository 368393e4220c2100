#include "cost.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "format.hpp"
#include "lists.hpp"
#include "programs.hpp"
#include "server.hpp"

namespace switchboard::bench {
namespace {

using Json = nlohmann::ordered_json;

struct CostOptions {
    std::vector<std::string> servers{"reactor", "bare-epoll", "bare-uv", "bare-uv-poll"};
    std::vector<std::size_t> connections{1, 100};
    std::size_t size = 64;
    std::size_t idle = 10'000;
    std::string json, check;
};

void print_header() {
    std::printf("%-20s %6s %13s %7s %7s %7s %7s %9s %7s %8s %12s\n", "server", "conns",
                "instructions", "calls", "recv", "send", "wait", "epoll_ctl", "other", "EAGAIN",
                "allocations");
}

void print_row(const CostCase& what, const Cost& cost) {
    std::printf("%-20s %6zu %13.1f %7.3f %7.3f %7.3f %7.3f %9.3f %7.3f %8.3f %12.3f\n",
                what.server.c_str(), what.connections, cost.instructions, cost.calls, cost.receives,
                cost.sends, cost.waits, cost.watches, cost.other_calls, cost.failed_receives,
                cost.allocations);
    std::fflush(stdout);
}

Json json_of(const CostCase& what, const Cost& cost) {
    Json row{{"server", what.server}, {"connections", what.connections}, {"size", what.size}};
    for (const CostFigure& figure : cost_figures()) row[figure.name] = cost.*figure.value;
    return row;
}

int failed(const Error& error) {
    return complain(error.message());
}

Result<Json> measure_exchanges(const CostOptions& options) {
    Json rows = Json::array();
    std::printf("Per exchange of %zu bytes, user space:\n", options.size);
    print_header();
    for (const std::string& server : options.servers) {
        for (const std::size_t connections : options.connections) {
            const CostCase what{server, connections, options.size};
            if (serves_one_at_a_time(server) && connections > 1) {
                std::printf("%-20s %6zu  serves one connection at a time\n", server.c_str(),
                            connections);
                continue;
            }
            const auto cost = measure_cost(what);
            if (!cost) return tl::unexpected(cost.error());
            print_row(what, *cost);
            rows.push_back(json_of(what, *cost));
        }
    }
    return rows;
}

Result<Json> measure_idle(const CostOptions& options) {
    Json rows = Json::array();
    if (options.idle == 0) return rows;
    std::printf("\nUser memory per idle connection, of %zu that have each echoed once:\n",
                options.idle);
    for (const std::string& server : options.servers) {
        if (serves_one_at_a_time(server) || is_pool(server)) continue;
        const auto bytes = measure_idle_bytes(server, options.idle, options.size);
        if (!bytes) return tl::unexpected(bytes.error());
        std::printf("%-20s %8.0f B\n", server.c_str(), *bytes);
        rows.push_back({{"server", server}, {"connections", options.idle}, {"bytes", *bytes}});
    }
    return rows;
}

int report(const CostOptions& options) {
    const auto exchanges = measure_exchanges(options);
    if (!exchanges) return failed(exchanges.error());
    const auto idle = measure_idle(options);
    if (!idle) return failed(idle.error());
    if (options.json.empty()) return 0;
    std::ofstream file(options.json);
    file << Json{{"version", 1}, {"exchanges", *exchanges}, {"idle", *idle}}.dump(2) << "\n";
    return file ? 0 : failed(Error(std::make_error_code(std::errc::io_error), options.json));
}

// Half a percent of slack: the one wait more or less that a run of thousands may take.
bool holds(const std::string& what, double figure, double budget) {
    const bool within = figure <= budget * 1.005 + 0.005;
    std::printf("  %-4s %-46s %10.3f  budget %g\n", within ? "ok" : "OVER", what.c_str(), figure,
                budget);
    return within;
}

Result<bool> check_exchange(const Json& budget, std::size_t size) {
    const CostCase what{budget.at("server"), budget.at("connections"), size};
    const auto cost = measure_cost(what);
    if (!cost) return tl::unexpected(cost.error());
    bool all = true;
    for (const CostFigure& figure : cost_figures()) {
        if (!budget.contains(figure.name)) continue;
        const std::string label =
            what.server + ", " + std::to_string(what.connections) + " connections: " + figure.name;
        all = holds(label, *cost.*figure.value, budget.at(figure.name)) && all;
    }
    return all;
}

Result<bool> check_idle(const Json& budget, std::size_t size) {
    const std::string server = budget.at("server");
    const std::size_t count = budget.at("idle_connections");
    const auto bytes = measure_idle_bytes(server, count, size);
    if (!bytes) return tl::unexpected(bytes.error());
    return holds(server + ", " + std::to_string(count) + " idle: bytes", *bytes,
                 budget.at("bytes"));
}

// All of them, also after one that is over; 3 if any is.
int check(const CostOptions& options) try {
    std::ifstream file(options.check);
    if (!file)
        return failed(
            Error(std::error_code(errno, std::system_category()), "read budgets " + options.check));
    const Json budgets = Json::parse(file);
    const std::size_t size = budgets.at("size");
    bool all = true;
    for (const Json& budget : budgets.at("budgets")) {
        const auto within = budget.contains("idle_connections") ? check_idle(budget, size)
                                                                : check_exchange(budget, size);
        if (!within) return failed(within.error());
        all = *within && all;
    }
    std::printf(all ? "all budgets hold\n" : "over budget\n");
    return all ? 0 : 3;
} catch (const Json::exception& error) {
    return failed(Error(errc::bad_option, "budgets " + options.check + ": " + error.what()));
}

Result<void> check_options(const CostOptions& options) {
    for (const std::string& name : options.servers) {
        if (!is_cost_server(name)) return fail(errc::bad_option, "--drivers " + name);
    }
    for (const std::size_t connections : options.connections) {
        if (connections >= 1 && connections <= 2'000) continue;
        return fail(errc::bad_option,
                    "--connections " + std::to_string(connections) + ": 1 to 2000");
    }
    if (options.size == 0 || options.size > 65'536)
        return fail(errc::bad_option, "--size: 1 to 64k");
    return {};
}

int cost(const CostOptions& options) {
    raise_descriptor_limit();
    if (auto tools = find_cost_tools(); !tools) return failed(tools.error());
    return options.check.empty() ? report(options) : check(options);
}

}  // namespace

const std::vector<CostFigure>& cost_figures() {
    static const std::vector<CostFigure> figures{
        {"instructions", &Cost::instructions},
        {"calls", &Cost::calls},
        {"receives", &Cost::receives},
        {"sends", &Cost::sends},
        {"waits", &Cost::waits},
        {"watches", &Cost::watches},
        {"other_calls", &Cost::other_calls},
        {"failed_receives", &Cost::failed_receives},
        {"allocations", &Cost::allocations},
    };
    return figures;
}

bool is_pool(const std::string& server) {
    return server.ends_with("-pool");
}

bool serves_one_at_a_time(const std::string& server) {
    return server == "iterative";
}

Result<void> find_cost_tools() {
    for (const char* tool : {"/usr/bin/valgrind", "/usr/bin/strace"}) {
        if (access(tool, X_OK) != 0) return fail_errno(std::string("use ") + tool);
    }
    return {};
}

void add_cost(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<CostOptions>();
    CLI::App* command =
        app.add_subcommand("cost", "instructions, system calls, allocations and memory, counted");
    add_list(*command, "--drivers", options->servers, parse_name,
             "drivers and peers, and reactor-udp [reactor and peers]");
    add_list(*command, "--connections", options->connections, parse_count, "at once [1,100]");
    add_parsed(*command, "--size", options->size, parse_size, "bytes per message [64]", "SIZE");
    command->add_option("--idle", options->idle, "connections for the memory [10000]; 0: none");
    command->add_option("--json", options->json, "write all figures there");
    command->add_option("--check", options->check,
                        "measure what this file has budgets for; "
                        "exit status 3 if one is passed");
    command->callback([options, &chosen] {
        if (auto fit = check_options(*options); !fit) {
            throw CLI::ValidationError(fit.error().tried());
        }
        chosen = [options] { return cost(*options); };
    });
}

}  // namespace switchboard::bench

#include "cost.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "format.hpp"
#include "interrupt.hpp"
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

// What could not be measured has its reason where the figures would be.
struct CostReport {
    Json exchanges = Json::array(), idle = Json::array();
    bool whole = true;
};

void print_header() {
    std::printf("%-20s %6s %13s %7s %7s %7s %7s %9s %7s %8s %12s\n", "server", "conns",
                "instructions", "calls", "recv", "send", "wait", "epoll_ctl", "other", "EAGAIN",
                "allocations");
    std::fflush(stdout);
}

void print_row(const CostCase& what, const Cost& cost) {
    constexpr int kWidths[] = {13, 7, 7, 7, 7, 9, 7, 8, 12};  // as of the header
    std::printf("%-20s %6zu", what.server.c_str(), what.connections);
    const int* width = kWidths;
    for (const CostFigure& figure : cost_figures()) {
        const int decimals = figure.value == &Cost::instructions ? 1 : 3;
        std::printf(" %*s", *width++, fixed(cost.*figure.value, decimals).c_str());
    }
    std::puts("");
    std::fflush(stdout);
}

void print_reason(const CostCase& what, const std::string& reason) {
    std::printf("%-20s %6zu  %s\n", what.server.c_str(), what.connections, reason.c_str());
    std::fflush(stdout);
}

int failed(const Error& error) {
    return complain(error.message());
}

void measure_exchange(const CostCase& what, CostReport& report) {
    if (serves_one_at_a_time(what.server) && what.connections > 1) {
        print_reason(what, "serves one connection at a time");
        return;
    }
    const auto cost = measure_cost(what);
    if (!cost && is_interrupted()) return;
    Json row{{"server", what.server}, {"connections", what.connections}, {"size", what.size}};
    if (cost) {
        print_row(what, *cost);
        for (const CostFigure& figure : cost_figures()) row[figure.name] = *cost.*figure.value;
    } else {
        print_reason(what, cost.error().message());
        row["reason"] = cost.error().message();
        report.whole = false;
    }
    report.exchanges.push_back(std::move(row));
}

void measure_exchanges(const CostOptions& options, CostReport& report) {
    std::printf("Per exchange of %zu bytes, user space:\n", options.size);
    print_header();
    for (const std::string& server : options.servers) {
        for (const std::size_t connections : options.connections) {
            if (is_interrupted()) return;
            measure_exchange({server, connections, options.size}, report);
        }
    }
}

void measure_idle(const CostOptions& options, const std::string& server, CostReport& report) {
    const auto bytes = measure_idle_bytes(server, options.idle, options.size);
    if (!bytes && is_interrupted()) return;
    Json row{{"server", server}, {"connections", options.idle}};
    if (bytes) {
        std::printf("%-20s %8.0f B\n", server.c_str(), *bytes);
        row["bytes"] = *bytes;
    } else {
        std::printf("%-20s %s\n", server.c_str(), bytes.error().message().c_str());
        row["reason"] = bytes.error().message();
        report.whole = false;
    }
    report.idle.push_back(std::move(row));
}

void measure_idle(const CostOptions& options, CostReport& report) {
    if (options.idle == 0 || is_interrupted()) return;
    std::printf("\nUser memory per idle connection, of %zu that have each echoed once:\n",
                options.idle);
    for (const std::string& server : options.servers) {
        if (serves_one_at_a_time(server) || is_pool(server)) continue;
        if (is_interrupted()) return;
        measure_idle(options, server, report);
    }
}

int measure_all(const CostOptions& options) {
    CostReport report;
    measure_exchanges(options, report);
    measure_idle(options, report);
    const Json json{{"version", 1}, {"exchanges", report.exchanges}, {"idle", report.idle}};
    if (auto written = write_file(options.json, json.dump(2) + "\n"); !written)
        return failed(written.error());
    if (is_interrupted()) return 130;
    return report.whole ? 0 : complain("not all could be measured");
}

bool holds(const std::string& what, double figure, double budget) {
    const bool within = is_within(figure, budget);
    std::printf("  %-4s %-46s %10s  budget %g\n", within ? "ok" : "OVER", what.c_str(),
                fixed(figure, 3).c_str(), budget);
    return within;
}

enum class Held { yes, no, unknown };

Held tell_unknown(const std::string& label, const Error& why) {
    std::printf("  none %s: no figure: %s\n", label.c_str(), why.message().c_str());
    return Held::unknown;
}

// A row may have a size, a workload and arguments of its own.
CostCase case_of(const Json& budget, std::size_t size) {
    return {budget.at("server"), budget.at("connections"), budget.value("size", size),
            budget.value("workload", "echo"),
            budget.value("arguments", std::vector<std::string>())};
}

std::string label_of(const CostCase& what, std::size_t usual_size) {
    std::string label = what.server;
    if (what.workload != "echo") label += " " + what.workload;
    for (const std::string& argument : what.arguments) label += " " + argument;
    if (what.size != usual_size) label += ", " + std::to_string(what.size) + " bytes";
    return label + ", " + std::to_string(what.connections) + " connections";
}

Held check_exchange(const Json& budget, std::size_t size) {
    const CostCase what = case_of(budget, size);
    const std::string label = label_of(what, size);
    if (auto fits = check_case(what); !fits) return tell_unknown(label, fits.error());
    const auto cost = measure_cost(what);
    if (!cost) return tell_unknown(label, cost.error());
    bool all = true;
    for (const CostFigure& figure : cost_figures()) {
        if (!budget.contains(figure.name)) continue;
        all = holds(label + ": " + figure.name, *cost.*figure.value, budget.at(figure.name)) && all;
    }
    return all ? Held::yes : Held::no;
}

Held check_idle(const Json& budget, std::size_t size) {
    const std::string server = budget.at("server");
    const std::size_t count = budget.at("idle_connections");
    const std::string label = server + ", " + std::to_string(count) + " idle";
    const auto bytes = measure_idle_bytes(server, count, size);
    if (!bytes) return tell_unknown(label, bytes.error());
    return holds(label + ": bytes", *bytes, budget.at("bytes")) ? Held::yes : Held::no;
}

// All of them, also after one that is over; 3 if any is, 1 if any could not be told.
int check(const CostOptions& options) try {
    std::ifstream file(options.check);
    if (!file)
        return failed(
            Error(std::error_code(errno, std::system_category()), "read budgets " + options.check));
    const Json budgets = Json::parse(file);
    const std::size_t size = budgets.at("size");
    Held all = Held::yes;
    for (const Json& budget : budgets.at("budgets")) {
        const Held held = budget.contains("idle_connections") ? check_idle(budget, size)
                                                              : check_exchange(budget, size);
        if (is_interrupted()) return 130;
        all = std::max(all, held);
    }
    if (all == Held::unknown) return complain("not all could be measured");
    std::printf(all == Held::yes ? "all budgets hold\n" : "over budget\n");
    return all == Held::yes ? 0 : 3;
} catch (const Json::exception& error) {
    return failed(Error(errc::bad_option, "budgets " + options.check + ": " + error.what()));
}

Result<void> check_options(const CostOptions& options) {
    for (const std::string& name : options.servers) {
        if (!is_cost_server(name))
            return fail(errc::bad_option,
                        "--drivers " + name + ": there is reactor-udp " + list_servers());
    }
    for (const std::size_t connections : options.connections) {
        if (connections >= 1 && connections <= 2'000) continue;
        return fail(errc::bad_option,
                    "--connections " + std::to_string(connections) + ": 1 to 2000");
    }
    if (auto fits = check_range("--idle", options.idle, 0, 19'000); !fits) return fits;
    if (options.size == 0 || options.size > 65'536)
        return fail(errc::bad_option, "--size: 1 to 64k");
    return {};
}

int cost(const CostOptions& options) {
    raise_descriptor_limit();
    if (auto tools = find_cost_tools(); !tools) return failed(tools.error());
    if (auto writable = find_writable({options.json}); !writable) return failed(writable.error());
    catch_interrupts();
    return options.check.empty() ? measure_all(options) : check(options);
}

}  // namespace

bool is_within(double figure, double budget) {
    return figure <= budget * 1.005 + 0.005;
}

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
    add_parsed(*command, "--idle", options->idle, parse_count,
               "connections for the memory [10000]; 0: none", "N");
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

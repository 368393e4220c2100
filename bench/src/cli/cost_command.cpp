#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cost/cost.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "base/fields.hpp"
#include "base/files.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"

namespace switchboard::bench {
namespace {

struct CostOptions {
    std::vector<std::string> servers{"reactor", "bare-epoll", "bare-uv", "bare-uv-poll"};
    std::vector<std::size_t> connections{1, 100};
    std::size_t size = 64;
    std::size_t idle = 10'000;
    std::string workload = "echo";
    std::size_t depth = 1;
    std::string over = "tcp";
    std::string json, check;
};

// An entry that could not be measured has a reason instead of figures.
struct CostReport {
    Json exchanges = Json::array(), idle = Json::array();
    bool whole = true;
};

// Prints each row as soon as it is measured, since a row takes ten seconds.
void print_line(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

const std::vector<std::size_t> kWidths{20, 5, 12, 6, 6, 6, 6, 9, 6, 6, 11};
const Row kHeader{"server", "conns",     "instructions", "calls",  "recv",       "send",
                  "wait",   "epoll_ctl", "other",        "EAGAIN", "allocations"};

void print_row(const CostCase& what, const Row& more) {
    Row row{what.server, std::to_string(what.connections)};
    row.insert(row.end(), more.begin(), more.end());
    print_line(line_of(row, kWidths));
}

using Figures = std::vector<std::pair<const char*, double>>;

Result<Figures> measure(const CostCase& what, const CostTools& tools = {}) {
    return measure_cost(what, tools).map([](const Cost& cost) {
        Figures figures;
        for (const CostFigure& each : cost_figures())
            figures.emplace_back(each.name, cost.*each.value);
        return figures;
    });
}

void measure_exchange(const CostCase& what, CostReport& report) {
    if (find_cost_server(what.server)->serves_one_at_a_time() && what.connections > 1)
        return print_row(what, {"serves one connection at a time"});
    const auto figures = measure(what);
    if (!figures && is_interrupted()) return;
    Json json{
        {"server", what.server}, {"workload", what.workload}, {"connections", what.connections},
        {"size", what.size},     {"depth", what.depth},       {"over", what.tls ? "tls" : "tcp"}};
    Row row;
    if (!figures) row.push_back((json["reason"] = figures.error().message()).get<std::string>());
    for (const auto& [name, figure] : figures.value_or(Figures())) {
        json[name] = figure;
        row.push_back(fixed(figure, row.empty() ? 1 : 3));  // instructions come first
    }
    print_row(what, row);
    report.whole = report.whole && figures;
    report.exchanges.push_back(std::move(json));
}

void measure_exchanges(const CostOptions& options, CostReport& report) {
    print_line(fmt::format("Per exchange of {} bytes, user space:\n", options.size));
    print_line(line_of(kHeader, kWidths));
    for (const std::string& server : options.servers) {
        for (const std::size_t connections : options.connections) {
            if (is_interrupted()) return;
            measure_exchange({.server = server,
                              .connections = connections,
                              .size = options.size,
                              .workload = options.workload,
                              .depth = options.depth,
                              .tls = options.over == "tls"},
                             report);
        }
    }
}

void measure_idle(const CostOptions& options, const std::string& server, CostReport& report) {
    const auto bytes = measure_idle_bytes({.server = server,
                                           .connections = options.idle,
                                           .size = options.size,
                                           .workload = options.workload,
                                           .tls = options.over == "tls"});
    if (!bytes && is_interrupted()) return;
    Json row{{"server", server},
             {"workload", options.workload},
             {"connections", options.idle},
             {"over", options.over}};
    const std::string text = bytes ? fixed(*bytes, 0) + " B" : bytes.error().message();
    print_line(line_of({server, text}, {20, 10}));
    row[bytes ? "bytes" : "reason"] = bytes ? Json(*bytes) : Json(text);
    report.whole = report.whole && bytes;
    report.idle.push_back(std::move(row));
}

void measure_idle(const CostOptions& options, CostReport& report) {
    // An idle member of a fan-out would wait for the others.
    if (options.idle == 0 || is_fan_out(options.workload) || is_interrupted()) return;
    print_line(fmt::format(
        "\nUser memory per idle connection, of {} connections after one exchange each:\n",
        options.idle));
    for (const std::string& server : options.servers) {
        const ServerKind kind = *find_cost_server(server);
        if (kind.serves_one_at_a_time() || kind.is_pool()) continue;
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
        return print_error(written.error());
    if (is_interrupted()) return 130;
    return report.whole ? 0 : print_error("some figures could not be measured");
}

bool holds(const std::string& what, double figure, double budget) {
    const bool within = is_within(figure, budget);
    print_line(fmt::format("  {:<4} {:<46} {:>10}  budget {:g}\n", within ? "ok" : "OVER", what,
                           fixed(figure, 3), budget));
    return within;
}

enum class Held { yes, no, unknown };

Held check_budget(const Json& budget, const std::string& label, const Result<Figures>& figures) {
    if (!figures) {
        print_line(fmt::format("  none {}: no figure: {}\n", label, figures.error().message()));
        return Held::unknown;
    }
    bool all = true;
    for (const auto& [name, figure] : *figures) {
        if (!budget.contains(name)) continue;
        all = holds(fmt::format("{}: {}", label, name), figure, budget.at(name)) && all;
    }
    return all ? Held::yes : Held::no;
}

// A budget row may have its own size, workload, protocol, arguments, depth, transport and plugin.
CostCase case_of(const Json& budget, std::size_t size) {
    return {budget.at("server"),
            budget.at("connections"),
            budget.value("size", size),
            budget.value("workload", "echo"),
            budget.value("arguments", std::vector<std::string>()),
            budget.value("depth", std::size_t{1}),
            budget.value("over", "tcp") == "tls",
            budget.value("protocol", ""),
            budget.value("plugin", "")};
}

std::string label_of(const CostCase& what, std::size_t usual_size) {
    std::vector<std::string> words{what.server, what.workload == "echo" ? "" : what.workload,
                                   what.protocol, what.tls ? "over TLS" : ""};
    words.insert(words.end(), what.arguments.begin(), what.arguments.end());
    if (!what.plugin.empty()) words.push_back("plugin " + what.plugin);
    return fmt::format("{}{}{}, {}", joined(words, " "),
                       what.size == usual_size ? "" : fmt::format(", {} bytes", what.size),
                       what.depth == 1 ? "" : fmt::format(", depth {}", what.depth),
                       count_text(what.connections, "connection"));
}

Result<void> check_over(const std::string& over) {
    if (over == "tcp" || over == "tls") return {};
    return bad_option("invalid --over '{}'; available: tcp, tls", over);
}

Result<void> check_row(const Json& budget, const CostCase& what) {
    return check_over(budget.value("over", "tcp")).and_then([&] { return check_case(what); });
}

// What the row has a budget for.
CostTools tools_for(const Json& budget) {
    CostTools tools{false, budget.contains("instructions"), budget.contains("allocations")};
    for (const CostFigure& each : cost_figures()) {
        const bool counts_calls =
            each.value != &Cost::instructions && each.value != &Cost::allocations;
        tools.strace = tools.strace || (counts_calls && budget.contains(each.name));
    }
    return tools;
}

bool is_over(const Json& budget, const Figures& figures) {
    return std::ranges::any_of(figures, [&](const auto& each) {
        return budget.contains(each.first) && !is_within(each.second, budget.at(each.first));
    });
}

// If other work on the machine interrupts the load while it sends, the requests of a round arrive in parts,
// which costs the server more turns. So a row that is over its budget is measured up to three times, and the
// lowest of each figure counts.
Result<Figures> measure_lowest(const Json& budget, const CostCase& what) {
    auto lowest = measure(what, tools_for(budget));
    for (int again = 0; again < 2 && lowest && is_over(budget, *lowest); ++again) {
        const auto figures = measure(what, tools_for(budget));
        if (!figures) return figures;
        for (std::size_t at = 0; at < figures->size(); ++at)
            lowest->at(at).second = std::min(lowest->at(at).second, figures->at(at).second);
    }
    return lowest;
}

Held check_exchange(const Json& budget, std::size_t size) {
    const CostCase what = case_of(budget, size);
    return check_budget(budget, label_of(what, size), check_row(budget, what).and_then([&] {
        return measure_lowest(budget, what);
    }));
}

Held check_idle(const Json& budget, std::size_t size) {
    Json row = budget;
    row["connections"] = budget.at("idle_connections");
    const CostCase what = case_of(row, size);
    const std::string name = budget.value("idle_since", "exchange");
    const auto since = parse_idle_since(name);
    const auto measured = check_row(budget, what).and_then([&]() -> Result<double> {
        if (!since) return bad_option("unknown idle_since '{}'", name);
        return measure_idle_bytes(what, *since);
    });
    const auto figures = measured.map([](double bytes) { return Figures{{"bytes", bytes}}; });
    return check_budget(
        budget, label_of(what, size) + " idle" + (name == "exchange" ? "" : " since " + name),
        figures);
}

// Checks all budgets, even if one is exceeded. Returns 3 if any is exceeded, 1 if any could not be measured.
int check(const CostOptions& options) try {
    std::ifstream file(options.check);
    if (!file) return print_error(fail_errno("read budgets " + options.check).value());
    const Json budgets = Json::parse(file);
    const std::size_t size = budgets.at("size");
    Held all = Held::yes;
    for (const Json& budget : budgets.at("budgets")) {
        const Held held = budget.contains("idle_connections") ? check_idle(budget, size)
                                                              : check_exchange(budget, size);
        if (is_interrupted()) return 130;
        all = std::max(all, held);
    }
    if (all == Held::unknown) return print_error("some figures could not be measured");
    print_line(all == Held::yes ? "all budgets hold\n" : "over budget\n");
    return all == Held::yes ? 0 : 3;
} catch (const Json::exception& error) {
    return print_error(fmt::format("budgets {}: {}", options.check, error.what()));
}

Result<void> check_options(const CostOptions& options) {
    if (auto known = check_over(options.over); !known) return known;
    for (const std::string& name : options.servers) {
        if (!find_cost_server(name))
            return bad_option("unknown driver '{}'; available: reactor-udp, {}", name,
                              list_servers());
    }
    for (const std::size_t connections : options.connections) {
        if (auto fits = check_range("--connections", connections, 1, 2'000); !fits) return fits;
    }
    for (const std::string& name : options.servers) {
        for (const std::size_t connections : options.connections) {
            const CostCase what{.server = name,
                                .connections = connections,
                                .size = options.size,
                                .workload = options.workload,
                                .tls = options.over == "tls"};
            if (auto fits = check_case(what); !fits) return fits;
        }
    }
    return check_range("--idle", options.idle, 0, 19'000)
        .and_then([&] { return check_range("--depth", options.depth, 1, 1'000); })
        .and_then([&] { return check_range("--size", options.size, 1, 65'536); });
}

int cost(const CostOptions& options) {
    raise_descriptor_limit();
    if (auto tools = find_cost_tools(); !tools) return print_error(tools.error());
    if (auto writable = find_writable({options.json}); !writable)
        return print_error(writable.error());
    catch_interrupts();
    return options.check.empty() ? measure_all(options) : check(options);
}

}  // namespace

void add_cost(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<CostOptions>();
    CLI::App* command =
        app.add_subcommand("cost", "count instructions, system calls, allocations and memory");
    add_list(*command, "--drivers", options->servers, parse_name,
             "drivers, peers and reactor-udp [reactor; with echo over TCP also "
             "bare-epoll,bare-uv,bare-uv-poll]");
    add_list(*command, "--connections", options->connections, parse_count,
             "connections open at once [1,100]");
    add_text(*command, "--workload", options->workload,
             "echo, fan-out, http, websocket or rooms [echo]", "NAME");
    add_count(*command, "--depth", options->depth, "requests in flight per connection [1]");
    add_text(*command, "--over", options->over, "TCP, or TLS over it [tcp]", "tcp|tls");
    add_parsed(*command, "--size", options->size, parse_size, "bytes per message [64]", "SIZE");
    add_count(*command, "--idle", options->idle,
              "idle connections in the memory measurement; 0 skips it [10000]");
    add_text(*command, "--json", options->json, "write all figures as JSON; - is stdout", "FILE");
    add_text(*command, "--check", options->check,
             "measure the rows of a budget file; exit status 3 if a budget is exceeded", "FILE");
    command->callback([command, options, &chosen] {
        if (command->count("--drivers") == 0 &&
            (options->workload != "echo" || options->over == "tls"))
            options->servers = {"reactor"};
        or_usage_error(check_options(*options));
        chosen = [options] { return cost(*options); };
    });
}

}  // namespace switchboard::bench

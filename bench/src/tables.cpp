#include <algorithm>
#include <cmath>

#include "format.hpp"
#include "knee_tables.hpp"
#include "results.hpp"

namespace switchboard::bench {
namespace {

std::string with_spread(const std::optional<Summary>& summary, const std::string& text) {
    return summary ? text + percent_text(*summary) : kNothing;
}

std::string rate_text(const CellRounds& cell) {
    const auto rate = summarize(cell, kThroughput);
    return with_spread(rate, rate ? grouped(rate->median) : "");
}

std::string latency_text(const CellRounds& cell, const Metric& metric) {
    const auto latency = summarize(cell, metric);
    return latency ? seconds_text(latency->median) : kNothing;
}

std::string cpu_text(const CellRounds& cell) {
    const auto cpu = summarize(cell, kCpu);
    return with_spread(cpu, cpu ? fixed(cpu->median * 1e6, 2) : "");
}

std::string user_and_system_text(const CellRounds& cell) {
    const auto cpu = summarize(cell, kCpu);
    const auto user = user_share(cell);
    if (!cpu || !user) return kNothing;
    return fixed(cpu->median * *user * 1e6, 2) + "+" + fixed(cpu->median * (1 - *user) * 1e6, 2);
}

// As many digits as it takes for an interval without 1 to look like one.
int digits_for(const Interval& interval) {
    const double nearest = std::min(std::abs(interval.low - 1), std::abs(interval.high - 1));
    if (interval.holds(1) || nearest >= 0.005) return 2;
    return nearest < 0.0005 ? 4 : 3;
}

// What a ratio comes to in words, where `more` is what a cell is that has more than the baseline.
std::string verdict_of(const Results& results, const CellRounds& cell, const Against& against,
                       const char* more, const char* less) {
    if (!against.missing.empty()) return against.missing;
    if (cell.cell.server == results.options.baseline) return "baseline";
    if (!against.ratio) return kNothing;
    const auto seen = difference_seen(*against.ratio);
    if (!seen) return "too few rounds";
    if (*seen == 0) return "no difference seen";
    return *seen > 0 ? more : less;
}

std::string memory_text(const CellRounds& cell) {
    const auto memory = summarize(cell, kMemory);
    return memory ? bytes_text(memory->median) : kNothing;
}

std::string switches_text(const CellRounds& cell) {
    const auto own = summarize(cell, kVoluntary), forced = summarize(cell, kInvoluntary);
    return own && forced ? fixed(own->median, 2) + "+" + fixed(forced->median, 2) : kNothing;
}

std::string name_of(const Results& results, const CellRounds& cell) {
    return cell.cell.server + (results.why_invalid(cell).empty() ? "" : "*");
}

std::vector<std::string> speed_row(const Results& results, const CellRounds& cell) {
    const auto rank = results.rank_of(cell);
    const Metric& goal = results.goal();
    const Against against = results.against_baseline(cell, goal);
    std::vector<std::string> row{name_of(results, cell),
                                 rank ? std::to_string(*rank) : kNothing,
                                 rate_text(cell),
                                 latency_text(cell, kP50),
                                 with_spread(summarize(cell, kP99), latency_text(cell, kP99)),
                                 latency_text(cell, kP999)};
    if (results.options.rate > 0) {
        row.push_back(latency_text(cell, kUncorrectedP99));
        row.push_back(latency_text(cell, kLateP99));
    }
    row.push_back(against.ratio ? to_text(*against.ratio) : kNothing);
    row.push_back(goal.more_is_better ? verdict_of(results, cell, against, "faster", "slower")
                                      : verdict_of(results, cell, against, "slower", "faster"));
    return row;
}

std::vector<std::string> cost_row(const Results& results, const CellRounds& cell) {
    const Against against = results.against_baseline(cell, kCpu);
    return {name_of(results, cell),
            cpu_text(cell),
            user_and_system_text(cell),
            switches_text(cell),
            memory_text(cell),
            against.ratio ? to_text(*against.ratio) : kNothing,
            verdict_of(results, cell, against, "dearer", "cheaper")};
}

std::string title_of(const Results& results, const Cell& cell) {
    const CompareOptions& options = results.options;
    std::string title = options.workload + ", " + std::to_string(cell.connections) +
                        (cell.connections == 1 ? " connection, " : " connections, ") +
                        std::to_string(cell.size) + " B messages, depth " +
                        std::to_string(options.depth);
    if (options.workload == "reply")
        title += ", replies of " + std::to_string(options.reply) + " B";
    if (options.rate > 0) title += ", " + grouped(options.rate) + " asked a second";
    if (options.arrivals == Arrivals::poisson) title += " (poisson)";
    if (options.work.count() > 0)
        title += ", " + std::to_string(options.work.count()) + " us of work each";
    for (const std::string& beside : options.beside) title += ", beside " + beside;
    return title;
}

std::string where_of(const CpuPlan& cpus) {
    const std::string server = std::to_string(cpus.server);
    const std::string generator = std::to_string(cpus.generator);
    if (cpus.spread()) return "server on all CPUs, generator on CPU " + generator;
    if (cpus.shared()) return "server and generator share CPU " + server;
    return "server on CPU " + server + ", generator on CPU " + generator +
           (cpus.one_core.value_or(false) ? ", two threads of one core" : "");
}

// Of which the tables say whether a difference was seen.
std::size_t comparisons_in(const Results& results) {
    std::size_t comparisons = 0;
    const auto add = [&](const std::optional<Ratio>& ratio) {
        if (ratio && ratio->interval) ++comparisons;
    };
    for (const CellRounds& cell : results.cells) {
        if (cell.cell.server == results.options.baseline) continue;
        add(results.against_baseline(cell, results.goal()).ratio);
        add(results.against_baseline(cell, kCpu).ratio);
        add(results.knee_against_baseline(cell));
    }
    return comparisons;
}

std::string exchanges_text(const CompareOptions& options) {
    if (options.exchanges == Load::kNoEnd) return {};
    return " or " + grouped(static_cast<double>(options.exchanges)) + " exchanges";
}

Table speed_table(const Results& results, const Cell& load) {
    const bool paced = results.options.rate > 0;
    std::vector<std::string> head{"server", "#", "exchanges/s", "p50", "p99", "p99.9"};
    if (paced) head.insert(head.end(), {"p99 uncorrected", "p99 late"});
    head.insert(head.end(), {paced ? "p99 ratio" : "rate ratio", "verdict"});
    return {title_of(results, load), std::move(head), {}, {}};
}

Table cost_table(const Results& results, const Cell& load) {
    return {title_of(results, load) + ": the server's cost",
            {"server", "CPU us", "user+sys", "switches", "memory", "CPU ratio", "verdict"},
            {},
            {}};
}

std::string idle_text(const Counted& counted, const std::string& server) {
    const auto found = std::find_if(counted.idle.begin(), counted.idle.end(),
                                    [&](const CountedIdle& idle) { return idle.server == server; });
    return found != counted.idle.end() && found->bytes ? fixed(*found->bytes, 0) : kNothing;
}

std::vector<std::string> counted_row(const Counted& counted, const CountedExchange& exchange) {
    const CostCase& what = exchange.what;
    const std::string star = exchange.problem.empty() ? "" : "*";
    std::vector<std::string> row{what.server + star, std::to_string(what.connections),
                                 std::to_string(what.size)};
    const auto add = [&](double Cost::*figure, int decimals) {
        row.push_back(exchange.cost ? fixed(*exchange.cost.*figure, decimals) : kNothing);
    };
    add(&Cost::instructions, 0);
    add(&Cost::calls, 2);
    add(&Cost::receives, 2);
    add(&Cost::sends, 2);
    add(&Cost::waits, 2);
    add(&Cost::failed_receives, 2);
    add(&Cost::allocations, 2);
    row.push_back(idle_text(counted, what.server));
    return row;
}

// Empty rows where nothing was counted.
Table counted_table(const Counted& counted) {
    Table table{"Counted, not timed: per exchange, and user memory per idle connection (of " +
                    grouped(kIdleCounted) + ")",
                {"server", "conns", "size", "instructions", "calls", "recv", "send", "wait",
                 "EAGAIN", "allocations", "idle B"},
                {},
                {}};
    for (const CountedExchange& exchange : counted.exchanges) {
        table.rows.push_back(counted_row(counted, exchange));
        const CostCase& what = exchange.what;
        if (exchange.problem.empty()) continue;
        table.notes.push_back("* " + what.server + ", " + std::to_string(what.connections) + " x " +
                              std::to_string(what.size) + " B: " + exchange.problem);
    }
    for (const CountedIdle& idle : counted.idle) {
        if (!idle.problem.empty()) table.notes.push_back(idle.server + ", idle: " + idle.problem);
    }
    return table;
}

bool sees_others(const Results& results) {
    return std::all_of(results.cells.begin(), results.cells.end(), [](const CellRounds& cell) {
        return std::all_of(cell.rounds.begin(), cell.rounds.end(),
                           [](const Measurement& round) { return round.noise.has_value(); });
    });
}

std::vector<std::string> warnings_of(const Results& results) {
    std::vector<std::string> lines;
    for (const auto& [name, value] : results.environment) {
        if (name == "build_type" && value != "Release")
            lines.push_back("Built as " + value + ": these are no figures of Release.");
    }
    if (std::string chance = chance_text(comparisons_in(results)); !chance.empty())
        lines.push_back(std::move(chance));
    const auto& servers = results.options.servers;
    const std::string& baseline = results.options.baseline;
    if (std::find(servers.begin(), servers.end(), baseline) == servers.end())
        lines.push_back(baseline + " was not measured, so there are no ratios.");
    if (!sees_others(results))
        lines.emplace_back("Who else used the CPUs is not known: /proc/stat does not tell.");
    return lines;
}

}  // namespace

std::string to_text(const Ratio& ratio) {
    if (ratio.min == ratio.max) return fixed(ratio.median, 2);
    if (!ratio.interval) return fixed(ratio.median, 2) + " \u00b1" + fixed(ratio.mad, 2);
    const auto [low, high] = *ratio.interval;
    const int digits = digits_for(*ratio.interval);
    return fixed(ratio.median, digits) + " [" + fixed(low, digits) + ", " + fixed(high, digits) +
           "]";
}

std::vector<Table> tables_of(const Results& results) {
    std::vector<Table> tables;
    for (const CellRounds& cell : results.cells) {
        if (tables.empty() || tables[tables.size() - 2].title != title_of(results, cell.cell)) {
            tables.push_back(speed_table(results, cell.cell));
            tables.push_back(cost_table(results, cell.cell));
        }
        Table& speed = tables[tables.size() - 2];
        speed.rows.push_back(speed_row(results, cell));
        tables.back().rows.push_back(cost_row(results, cell));
        const std::string notes = notes_of(results.why_invalid(cell));
        if (!notes.empty()) speed.notes.push_back("* " + cell.cell.server + ": " + notes);
    }
    if (results.options.find_knee) {
        for (Table& table : knee_tables(results)) tables.push_back(std::move(table));
    }
    if (!results.counted.exchanges.empty()) tables.push_back(counted_table(results.counted));
    return tables;
}

std::vector<std::string> preamble_of(const Results& results) {
    const CompareOptions& options = results.options;
    const std::string where = where_of(results.cpus);
    const std::string over = options.over == "unix" ? "unix sockets" : "TCP over loopback";
    std::vector<std::string> lines{
        where + "; " + over + "; " + std::to_string(options.rounds) +
            (options.rounds == 1 ? " round of " : " rounds of ") +
            std::to_string(options.duration.count()) + " ms" + exchanges_text(options) +
            " in random order, seed " + std::to_string(options.seed),
        "Medians over the rounds, \u00b1 the median absolute deviation. Ratios are to " +
            options.baseline + ", paired by round;",
        options.rounds < kFewestForInterval
            ? "their interval takes " + std::to_string(kFewestForInterval) +
                  " rounds, so these tell no difference."
            : "[a, b] is their 95% interval: where it holds 1 no difference was seen.",
        "CPU and context switches (voluntary+involuntary): of the server, per exchange.",
        "Every byte of every reply is checked. * invalid, see the note: no rank (#) and no ratio."};
    for (std::string& warning : warnings_of(results)) lines.push_back(std::move(warning));
    for (const LeftOut& each : results.left_out)
        lines.push_back("Left out: " + each.server + ": " + each.why);
    return lines;
}

std::string to_text(const Results& results) {
    std::string text;
    for (const std::string& line : preamble_of(results)) text += line + "\n";
    for (const Table& table : tables_of(results)) text += to_text(table);
    if (results.interrupted) text += "\nInterrupted: this is what had been measured by then.\n";
    return text;
}

}  // namespace switchboard::bench

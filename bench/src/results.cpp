#include "results.hpp"

#include <algorithm>

#include "format.hpp"

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

std::string ratio_text(const CellRounds& cell, const CellRounds* base, const Metric& metric) {
    const auto value = base ? ratio(cell, *base, metric) : std::nullopt;
    if (!value) return kNothing;
    const std::string spread = value->count < 2 ? "" : " \u00b1" + fixed(value->mad, 2);
    return fixed(value->median, 2) + spread;
}

std::string memory_text(const CellRounds& cell) {
    const auto memory = summarize(cell, kMemory);
    return memory ? bytes_text(memory->max) : kNothing;
}

std::size_t errors_of(const CellRounds& cell) {
    std::size_t errors = 0;
    for (const Measurement& round : cell.rounds) {
        errors += round.failed + (round.problem.empty() ? 0 : 1);
    }
    return errors;
}

std::vector<std::string> row_of(const Results& results, const CellRounds& cell) {
    const CellRounds* base = results.baseline_of(cell.cell);
    return {cell.cell.server + (notes_of(cell).empty() ? "" : "*"),
            rate_text(cell),
            latency_text(cell, kP50),
            with_spread(summarize(cell, kP99), latency_text(cell, kP99)),
            latency_text(cell, kP999),
            cpu_text(cell),
            user_and_system_text(cell),
            memory_text(cell),
            ratio_text(cell, base, kThroughput),
            ratio_text(cell, base, kCpu),
            std::to_string(errors_of(cell))};
}

std::string title_of(const Results& results, const Cell& cell) {
    return results.options.protocol + ", " + std::to_string(cell.connections) +
           (cell.connections == 1 ? " connection, " : " connections, ") +
           std::to_string(cell.size) + " B messages, depth " +
           std::to_string(results.options.depth);
}

}  // namespace

CellRounds& Results::at(const Cell& cell) {
    const auto found = std::find_if(cells.begin(), cells.end(),
                                    [&](const CellRounds& rounds) { return rounds.cell == cell; });
    return found != cells.end() ? *found : cells.emplace_back(CellRounds{cell, {}});
}

const CellRounds* Results::baseline_of(const Cell& cell) const {
    const Cell wanted{options.baseline, cell.size, cell.connections};
    const auto found = std::find_if(cells.begin(), cells.end(), [&](const CellRounds& rounds) {
        return rounds.cell == wanted;
    });
    return found == cells.end() ? nullptr : &*found;
}

std::size_t Results::wrong_replies() const {
    std::size_t wrong = 0;
    for (const CellRounds& cell : cells) {
        for (const Measurement& round : cell.rounds) wrong += round.wrong();
    }
    return wrong;
}

std::vector<Table> tables_of(const Results& results) {
    const std::string base = results.options.baseline;
    std::vector<Table> tables;
    for (const CellRounds& cell : results.cells) {
        const std::string title = title_of(results, cell.cell);
        if (tables.empty() || tables.back().title != title) {
            tables.push_back({title,
                              {"server", "exchanges/s", "p50", "p99", "p99.9", "CPU us", "user+sys",
                               "memory", "rate ratio", "CPU ratio", "errors"},
                              {},
                              {}});
        }
        tables.back().rows.push_back(row_of(results, cell));
        const std::string notes = notes_of(cell);
        if (!notes.empty()) tables.back().notes.push_back("* " + cell.cell.server + ": " + notes);
    }
    return tables;
}

std::vector<std::string> preamble_of(const Results& results) {
    const CompareOptions& options = results.options;
    const std::string where =
        results.cpus.shared()
            ? "server and generator share CPU " + std::to_string(results.cpus.server)
            : "server on CPU " + std::to_string(results.cpus.server) + ", generator on CPU " +
                  std::to_string(results.cpus.generator);
    const std::string over = options.over == "unix" ? "unix sockets" : "TCP over loopback";
    std::vector<std::string> lines{
        where + "; " + over + "; " + std::to_string(options.rounds) +
            (options.rounds == 1 ? " round of " : " rounds of ") +
            std::to_string(options.duration.count()) + " ms in random order, seed " +
            std::to_string(options.seed),
        "Medians over the rounds, \u00b1 the median absolute deviation. CPU: of the server per "
        "exchange, with its children.",
        "Ratios are to " + options.baseline +
            ", round by round. Memory: proportional set size, the most that was seen.",
        "Every byte of every reply is checked; * see the note."};
    for (const LeftOut& each : results.left_out) {
        lines.push_back("Left out: " + each.server + ": " + each.why);
    }
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

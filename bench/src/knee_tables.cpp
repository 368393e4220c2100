#include "knee_tables.hpp"

#include <algorithm>

#include "format.hpp"

namespace switchboard::bench {
namespace {

constexpr double kNearly = 0.95;

// The probe above the knee that is nearest to it: what kept it from being higher.
std::string limit_of(const Knee& knee) {
    const Probe* nearest = nullptr;
    for (const Probe& probe : knee.probes) {
        if (probe.holds == false && (nearest == nullptr || probe.rate < nearest->rate))
            nearest = &probe;
    }
    return nearest == nullptr ? kNothing : "at " + grouped(nearest->rate) + ": " + nearest->why;
}

const Knee* last_found(const CellRounds& cell) {
    const auto found = std::find_if(cell.knees.rbegin(), cell.knees.rend(),
                                    [](const Knee& knee) { return knee.untold.empty(); });
    return found == cell.knees.rend() ? nullptr : &*found;
}

Rounds parts_of_ceiling(const CellRounds& cell) {
    Rounds parts;
    for (const Knee& knee : cell.knees) {
        if (knee.untold.empty()) parts.emplace_back(knee.rate / knee.probes.front().rate);
    }
    return parts;
}

// "round 2: above 10,000: others used 7.1% of the CPUs"; empty where all were found.
std::string untold_of(const CellRounds& cell) {
    std::string text;
    for (std::size_t round = 0; round < cell.knees.size(); ++round) {
        const Knee& knee = cell.knees[round];
        if (knee.untold.empty()) continue;
        text += (text.empty() ? "round " : "; round ") + std::to_string(round + 1) + ": " +
                (knee.rate > 0 ? "above " + grouped(knee.rate) + ": " : "") + knee.untold;
    }
    return text;
}

std::string against_text(const Results& results, const CellRounds& cell) {
    if (cell.cell.server == results.options.baseline) return "baseline";
    const auto ratio = results.knee_against_baseline(cell);
    if (!ratio) return kNothing;
    return to_text(*ratio) + (difference_seen(*ratio) == 0 ? ", no difference seen" : "");
}

std::vector<std::string> knee_row(const Results& results, const CellRounds& cell) {
    const auto rate = summarize(knee_rates(cell));
    const Knee* const last = last_found(cell);
    const auto of_ceiling = summarize(parts_of_ceiling(cell));
    const std::string star = untold_of(cell).empty() ? "" : "*";
    return {cell.cell.server + star,
            std::to_string(cell.cell.connections),
            std::to_string(cell.cell.size),
            rate ? grouped(rate->median) + percent_text(*rate) : kNothing,
            against_text(results, cell),
            of_ceiling ? fixed(of_ceiling->median * 100, 0) + "%" : kNothing,
            last != nullptr ? limit_of(*last) : kNothing};
}

Table knee_table(const Results& results) {
    Table table{
        "The highest rate that keeps " + (results.options.slo ? results.options.slo->text : ""),
        {"server", "conns", "size", "rate", "ratio", "of its closed loop",
         "above it, in the last round"},
        {},
        {}};
    for (const CellRounds& cell : results.cells) {
        if (cell.knees.empty()) continue;
        table.rows.push_back(knee_row(results, cell));
        const std::string untold = untold_of(cell);
        if (!untold.empty())
            table.notes.push_back("* " + cell.cell.server + ", " +
                                  std::to_string(cell.cell.connections) + " x " +
                                  std::to_string(cell.cell.size) + " B: not found in " + untold);
    }
    return table;
}

// Of the cells of one server and size, from few connections to many, the first whose knee is nearly the
// highest; null where none was found.
const CellRounds* fewest_connections(const std::vector<const CellRounds*>& cells) {
    const auto rate_of = [](const CellRounds* cell) {
        const auto rate = summarize(knee_rates(*cell));
        return rate ? rate->median : 0;
    };
    double highest = 0;
    for (const CellRounds* cell : cells) highest = std::max(highest, rate_of(cell));
    const auto nearly = std::find_if(cells.begin(), cells.end(), [&](const CellRounds* cell) {
        return highest > 0 && rate_of(cell) >= kNearly * highest;
    });
    return nearly == cells.end() ? nullptr : *nearly;
}

Table concurrency_table(const Results& results) {
    Table table{"The fewest connections that come to " + fixed(kNearly * 100, 0) +
                    "% of the highest such rate",
                {"server", "size", "conns", "rate"},
                {},
                {}};
    for (const std::size_t size : results.options.sizes) {
        for (const std::string& server : results.options.servers) {
            const auto cells = results.by_connections(server, size);
            const CellRounds* const cell = fewest_connections(cells);
            if (cell == nullptr) continue;
            const bool knows_all = std::all_of(cells.begin(), cells.end(), [](const auto* each) {
                return summarize(knee_rates(*each)).has_value();
            });
            if (!knows_all)
                table.notes.push_back("* " + server + ", " + std::to_string(size) +
                                      " B: of those whose knee was found");
            table.rows.push_back({server + (knows_all ? "" : "*"), std::to_string(size),
                                  std::to_string(cell->cell.connections),
                                  grouped(summarize(knee_rates(*cell))->median)});
        }
    }
    return table;
}

}  // namespace

std::vector<Table> knee_tables(const Results& results) {
    std::vector<Table> tables{knee_table(results)};
    if (results.options.connections.size() > 1) tables.push_back(concurrency_table(results));
    return tables;
}

}  // namespace switchboard::bench

// Sums up a comparison in one sentence per load.
#include <fmt/core.h>
#include <algorithm>

#include "base/text.hpp"
#include "compare/results.hpp"

namespace switchboard::bench {
namespace {

using Cells = std::vector<const CellRounds*>;

const CellRounds* best_of(const Cells& cells, const Metric& metric) {
    const CellRounds* best = nullptr;
    for (const CellRounds* cell : cells) {
        const auto own = summarize(*cell, metric);
        if (!own) continue;
        const auto most = best != nullptr ? summarize(*best, metric) : std::nullopt;
        const bool better = !most || (metric.more_is_better ? own->median > most->median
                                                            : own->median < most->median);
        if (better) best = cell;
    }
    return best;
}

// The servers of `cells` that show no difference from `best`; nullopt if one of them has too few rounds to
// tell.
std::optional<std::string> equals_of(const Results& results, const Cells& cells,
                                     const CellRounds& best, const Metric& metric) {
    std::vector<std::string> names;
    for (const CellRounds* cell : cells) {
        if (cell == &best) continue;
        const auto to_best = ratio(*cell, best, metric, results.experiment.seed);
        const auto seen = to_best ? difference_seen(*to_best) : std::nullopt;
        if (!seen) return std::nullopt;
        if (seen == 0) names.push_back(cell->cell.server);
    }
    return joined(names, ", ");
}

// ", 4.2% ahead of bare-epoll"; empty if there is no other server.
std::string lead_of(const Cells& cells, const CellRounds& best, const Metric& metric) {
    Cells others = cells;
    std::erase(others, &best);
    const CellRounds* const second = best_of(others, metric);
    if (second == nullptr) return {};
    const double own = summarize(best, metric)->median, other = summarize(*second, metric)->median;
    const double lead = metric.more_is_better ? own / other - 1 : other / own - 1;
    return fmt::format(", {}% ahead of {}", significant(lead * 100), second->cell.server);
}

std::string certainty_of(const Results& results, const Cells& cells, const CellRounds& best,
                         const Metric& metric) {
    if (cells.size() == 1) return " It is the only valid one.";
    const bool all_sure = std::ranges::all_of(
        cells, [&](const CellRounds* cell) { return results.why_doubtful(*cell).empty(); });
    if (!all_sure) return " Not certain: other work or the generator limited some of them.";
    const auto equals = equals_of(results, cells, best, metric);
    if (!equals) return " Too few rounds to say whether that is certain.";
    if (equals->empty()) return " Certain: all others differ from it.";
    return " Not certain: no difference seen between it and " + *equals + ".";
}

std::string sentence_of(const Results& results, const Cell& load) {
    const Cells valid = results.valid_under(load);
    const std::string where =
        fmt::format("{}, {} B: ", count_text(load.connections, "connection"), load.size);
    // At a given rate, all valid servers have the same throughput.
    const bool paced = results.experiment.rate > 0;
    const Metric& metric = results.goal();
    const CellRounds* best = best_of(valid, metric);
    if (best == nullptr) return where + "no server was valid.";
    return fmt::format("{}{} {}, {}{}.{}", where, best->cell.server,
                       paced ? "has the lowest p99" : "is fastest",
                       metric.text(summarize(*best, metric)->median), lead_of(valid, *best, metric),
                       certainty_of(results, valid, *best, metric));
}

}  // namespace

std::vector<LoadSummary> summary_of(const Results& results) {
    std::vector<LoadSummary> sentences;
    for (const Cell& load : all_loads(results.experiment))
        sentences.push_back({load.size, load.connections, sentence_of(results, load)});
    return sentences;
}

}  // namespace switchboard::bench

#include "summary.hpp"

#include <algorithm>

#include "format.hpp"

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

// Those of `cells` that differ from `best` by nothing that was seen; nullopt where that is not known of
// all, for want of rounds.
std::optional<std::string> equals_of(const Results& results, const Cells& cells,
                                     const CellRounds& best, const Metric& metric) {
    std::string names;
    for (const CellRounds* cell : cells) {
        if (cell == &best) continue;
        const auto to_best = ratio(*cell, best, metric, results.options.seed);
        const auto seen = to_best ? difference_seen(*to_best) : std::nullopt;
        if (!seen) return std::nullopt;
        if (seen == 0) names += (names.empty() ? "" : ", ") + cell->cell.server;
    }
    return names;
}

std::string beside_best(const Results& results, const Cells& cells, const CellRounds& best,
                        const Metric& metric) {
    if (cells.size() == 1) return " It is the only valid one.";
    const auto equals = equals_of(results, cells, best, metric);
    if (!equals) return " Too few rounds to tell a difference to the others.";
    if (equals->empty()) return " All others differ from it.";
    return " No difference seen between it and " + *equals + ".";
}

std::string sentence_of(const Results& results, const Cell& load) {
    const Cells valid = results.valid_under(load);
    const std::string where =
        connections_text(load.connections) + ", " + std::to_string(load.size) + " B: ";
    // At a rate that was asked for all valid ones are equally fast.
    const bool paced = results.options.rate > 0;
    const Metric& metric = results.goal();
    const CellRounds* best = best_of(valid, metric);
    if (best == nullptr) return where + "no server was valid.";
    const std::string figure = metric.text(summarize(*best, metric)->median);
    return where + best->cell.server +
           (paced ? " had the lowest p99, " : " had the highest rate, ") + figure + "." +
           beside_best(results, valid, *best, metric);
}

}  // namespace

std::string connections_text(std::size_t connections) {
    return grouped(static_cast<double>(connections)) +
           (connections == 1 ? " connection" : " connections");
}

std::vector<std::string> summary_of(const Results& results) {
    std::vector<std::string> sentences;
    for (const std::size_t size : results.options.sizes) {
        for (const std::size_t connections : results.options.connections)
            sentences.push_back(sentence_of(results, {"", size, connections}));
    }
    return sentences;
}

}  // namespace switchboard::bench

#include "compare/results.hpp"

#include <algorithm>

#include "base/find.hpp"

namespace switchboard::bench {

std::optional<int> difference_seen(const Ratio& ratio) {
    if (!ratio.interval) return std::nullopt;
    if (ratio.interval->holds(1)) return 0;
    return ratio.interval->low > 1 ? 1 : -1;
}

CellRounds& Results::at(const Cell& cell) {
    CellRounds* const known = find_by(cells, cell, &CellRounds::cell);
    return known != nullptr ? *known : cells.emplace_back(CellRounds{cell, {}});
}

std::vector<Invalid> Results::why_doubtful(const CellRounds& cell) const {
    return bench::why_doubtful(cell, experiment.noise);
}

bool Results::is_ranked(const CellRounds& cell) const {
    return why_invalid(cell).empty() && why_doubtful(cell).empty();
}

const Metric& Results::goal() const {
    return experiment.rate > 0 ? kP99 : kThroughput;
}

std::optional<std::size_t> Results::rank_of(const CellRounds& cell) const {
    const Metric& metric = goal();
    const auto own = summarize(cell, metric);
    if (!own || !is_ranked(cell)) return std::nullopt;
    const auto is_better = [&](const CellRounds& other) {
        const auto theirs = summarize(other, metric);
        if (!theirs || !same_load(other.cell, cell.cell) || !is_ranked(other)) return false;
        return metric.more_is_better ? theirs->median > own->median : theirs->median < own->median;
    };
    return 1 + static_cast<std::size_t>(std::ranges::count_if(cells, is_better));
}

std::vector<const CellRounds*> Results::valid_under(const Cell& load) const {
    std::vector<const CellRounds*> valid;
    for (const CellRounds& cell : cells) {
        if (same_load(cell.cell, load) && why_invalid(cell).empty()) valid.push_back(&cell);
    }
    return valid;
}

std::vector<const CellRounds*> Results::by_connections(const std::string& server,
                                                       std::size_t size) const {
    std::vector<const CellRounds*> found;
    for (const CellRounds& cell : cells) {
        if (cell.cell.server == server && cell.cell.size == size) found.push_back(&cell);
    }
    std::ranges::sort(found, {}, [](const CellRounds* each) { return each->cell.connections; });
    return found;
}

BaselineRatio Results::against_baseline(const CellRounds& cell, const Metric& metric) const {
    if (!why_invalid(cell).empty()) return {std::nullopt, "invalid"};
    const CellRounds* base = baseline_of(cell.cell);
    if (base == nullptr) return {std::nullopt, "no baseline"};
    if (!why_invalid(*base).empty()) return {std::nullopt, "baseline invalid"};
    const bool sure = is_ranked(cell) && is_ranked(*base);
    return {ratio(cell, *base, metric, experiment.seed), sure ? "" : "cannot tell"};
}

std::optional<Ratio> Results::knee_against_baseline(const CellRounds& cell) const {
    const CellRounds* base = baseline_of(cell.cell);
    if (base == nullptr || base == &cell) return std::nullopt;
    return ratio(knee_rates(cell), knee_rates(*base), experiment.seed);
}

const CellRounds* Results::baseline_of(const Cell& cell) const {
    return find_by(cells, Cell{experiment.baseline, cell.size, cell.connections},
                   &CellRounds::cell);
}

std::size_t Results::wrong_replies() const {
    std::size_t wrong = wrong_at_the_end;
    for (const CellRounds& cell : cells) {
        for (const Measurement& round : cell.rounds) wrong += round.wrong();
        for (const Knee& knee : cell.knees) wrong += knee.wrong;
    }
    return wrong;
}

}  // namespace switchboard::bench

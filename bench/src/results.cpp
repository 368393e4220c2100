#include "results.hpp"

#include <algorithm>

namespace switchboard::bench {

std::optional<int> difference_seen(const Ratio& ratio) {
    if (!ratio.interval) return std::nullopt;
    if (ratio.interval->holds(1)) return 0;
    return ratio.interval->low > 1 ? 1 : -1;
}

CellRounds& Results::at(const Cell& cell) {
    const auto found = std::find_if(cells.begin(), cells.end(),
                                    [&](const CellRounds& rounds) { return rounds.cell == cell; });
    return found != cells.end() ? *found : cells.emplace_back(CellRounds{cell, {}});
}

std::vector<Invalid> Results::why_invalid(const CellRounds& cell) const {
    return bench::why_invalid(cell, options.noise);
}

const Metric& Results::goal() const {
    return options.rate > 0 ? kP99 : kThroughput;
}

std::optional<std::size_t> Results::rank_of(const CellRounds& cell) const {
    const Metric& metric = goal();
    const auto own = summarize(cell, metric);
    if (!own || !why_invalid(cell).empty()) return std::nullopt;
    const auto is_better = [&](const CellRounds& other) {
        const auto theirs = summarize(other, metric);
        if (!theirs || !same_load(other.cell, cell.cell) || !why_invalid(other).empty())
            return false;
        return metric.more_is_better ? theirs->median > own->median : theirs->median < own->median;
    };
    return 1 + static_cast<std::size_t>(std::count_if(cells.begin(), cells.end(), is_better));
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
    std::sort(found.begin(), found.end(), [](const CellRounds* a, const CellRounds* b) {
        return a->cell.connections < b->cell.connections;
    });
    return found;
}

Against Results::against_baseline(const CellRounds& cell, const Metric& metric) const {
    if (!why_invalid(cell).empty()) return {std::nullopt, "invalid"};
    const CellRounds* base = baseline_of(cell.cell);
    if (base == nullptr) return {std::nullopt, "no baseline"};
    if (!why_invalid(*base).empty()) return {std::nullopt, "baseline invalid"};
    return {ratio(cell, *base, metric, options.seed), {}};
}

std::optional<Ratio> Results::knee_against_baseline(const CellRounds& cell) const {
    const CellRounds* base = baseline_of(cell.cell);
    if (base == nullptr || base == &cell) return std::nullopt;
    return ratio(knee_rates(cell), knee_rates(*base), options.seed);
}

const CellRounds* Results::baseline_of(const Cell& cell) const {
    const auto found = std::find_if(cells.begin(), cells.end(), [&](const CellRounds& rounds) {
        return rounds.cell.server == options.baseline && same_load(rounds.cell, cell);
    });
    return found == cells.end() ? nullptr : &*found;
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

#include "compare/diff.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <regex>

#include "base/find.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"

namespace switchboard::bench {
namespace {

constexpr std::uint64_t kSeed = 1;  // of the intervals: the same two files give the same result

std::string change_text(double change) {
    constexpr double kManyfold = 10;
    if (std::isinf(change)) return "from 0";
    if (change >= kManyfold) return significant(change + 1) + "x";
    const std::string text = fixed(change * 100, 1) + "%";
    return change < 0 ? text : "+" + text;
}

std::string interval_text(const std::optional<Interval>& interval) {
    if (!interval) return kNothing;
    return "[" + change_text(interval->low) + ", " + change_text(interval->high) + "]";
}

const RunCell* find_cell(const Run& run, const RunCell& wanted) {
    return find_where(run.cells, [&](const RunCell& cell) {
        return cell.load == wanted.load && cell.server == wanted.server;
    });
}

// If a figure was 0 in all rounds, any other is above any bound. It is certain if all rounds have one now.
MetricChange change_from_zero(const Metric& metric, const Summary& was, const Summary& is) {
    constexpr double kEndless = std::numeric_limits<double>::infinity();
    const double least = metric.negligible;
    const double change = is.median > least ? kEndless : 0;
    const bool is_certain = was.max <= least && (is.min > least || is.max <= least);
    const std::size_t rounds = std::min(was.count, is.count);
    MetricChange from_zero{&metric, was.median, is.median, change, std::nullopt, rounds};
    if (is_certain && rounds >= kFewestForInterval) from_zero.interval = Interval{change, change};
    return from_zero;
}

std::optional<MetricChange> change_of(const Metric& metric, const RunCell& before,
                                      const RunCell& after) {
    const Rounds old = before.rounds_of(metric), now = after.rounds_of(metric);
    const auto was = summarize(old), is = summarize(now);
    if (!was || !is) return std::nullopt;
    if (was->median <= metric.negligible) return change_from_zero(metric, *was, *is);
    const double change = is->median / was->median - 1;
    return MetricChange{&metric,
                        was->median,
                        is->median,
                        change,
                        change_interval(old, now, kSeed),
                        std::min(was->count, is->count)};
}

std::string why_not_judged(const RunCell& before, const RunCell& after) {
    const auto why = [&](const char* what, bool was, bool is) {
        return joined(std::array{was ? fmt::format("{} before: {}", what, before.notes) : "",
                                 is ? fmt::format("{} now: {}", what, after.notes) : ""},
                      "; ");
    };
    const std::string invalid = why("invalid", !before.valid, !after.valid);
    return invalid.empty() ? why("not certain", before.doubtful, after.doubtful) : invalid;
}

CellChange compare_cells(const RunCell& before, const RunCell& after) {
    CellChange cell{before.load,
                    before.server,
                    why_not_judged(before, after),
                    before.valid,
                    before.valid && after.failed,
                    {}};
    if (!cell.not_judged.empty()) return cell;
    for (const Metric* metric : file_metrics()) {
        if (auto change = change_of(*metric, before, after)) cell.metrics.push_back(*change);
    }
    return cell;
}

// Same: no difference was seen, and a difference above kSame is unlikely.
Verdict verdict_of(const MetricChange& change) {
    constexpr double kSame = 0.1;
    if (!change.interval) return Verdict::cannot_tell;
    if (!change.interval->holds(0))
        return (change.change > 0) == change.metric->more_is_better ? Verdict::better
                                                                    : Verdict::worse;
    const bool is_narrow = change.interval->low >= -kSame && change.interval->high <= kSame;
    return is_narrow ? Verdict::same : Verdict::cannot_tell;
}

const MetricChange* find_change(const CellChange& cell, const Metric& metric) {
    return find_by(cell.metrics, &metric, &MetricChange::metric);
}

std::string changed_line(const std::string& verdict, const CellChange& cell,
                         const Condition& condition) {
    const MetricChange& change = *find_change(cell, *condition.metric);
    return fmt::format("{}: {}, {}: {} {} {}, bound {}\n", verdict, cell.server, cell.load,
                       condition.metric->name, change_text(change.change),
                       interval_text(change.interval), condition.text);
}

std::size_t judged_by(const std::vector<CellChange>& cells, const Condition& condition) {
    return static_cast<std::size_t>(std::ranges::count_if(
        cells, [&](const CellChange& cell) { return breaks(cell, condition).has_value(); }));
}

std::string why_unjudged(const CellChange& cell, const Condition& condition) {
    if (!cell.not_judged.empty()) return "invalid";
    const MetricChange* const change = find_change(cell, *condition.metric);
    if (change == nullptr) return "no such figure";
    return change->rounds < kFewestForInterval
               ? fmt::format("fewer than {} rounds", kFewestForInterval)
               : "0 in some rounds";
}

// "invalid (2 cells), no such figure (1 cell)" if no cell can be judged by it. Lost cells are left out: they
// are reported as worse.
std::string why_unjudged(const std::vector<CellChange>& cells, const Condition& condition) {
    std::map<std::string, std::size_t> reasons;
    for (const CellChange& cell : cells) {
        if (!cell.lost) ++reasons[why_unjudged(cell, condition)];
    }
    return joined(reasons, ", ", [](const auto& each) {
        return fmt::format("{} ({})", each.first, count_text(each.second, "cell"));
    });
}

// "p99>+10%", or "p99>+10% (2 of 3 cells)" if some cells that were valid before could not be judged.
std::string judged_text(const std::vector<CellChange>& cells, const Condition& condition) {
    const std::size_t judged = judged_by(cells, condition);
    const auto valid =
        static_cast<std::size_t>(std::ranges::count(cells, true, &CellChange::was_valid));
    if (judged == valid) return condition.text;
    return fmt::format("{} ({} of {})", condition.text, judged, count_text(valid, "cell"));
}

}  // namespace

const char* to_string(Verdict verdict) noexcept {
    constexpr std::array words{"same", "better", "worse", "cannot tell"};
    return words[static_cast<std::size_t>(verdict)];
}

Result<Condition> parse_condition(const std::string& text) {
    static const std::regex form(R"(([a-z0-9._]+)([<>])([+-])(.*))");
    std::smatch parts;
    if (!std::regex_match(text, parts, form))
        return bad_option("invalid condition '{}'; an example is 'p99>+10%'", text);
    const auto* const found = find_by(file_metrics(), parts[1].str(), &Metric::name);
    if (found == nullptr)
        return bad_option("unknown metric in '{}'; available: {}", text,
                          joined(file_metrics(), ", ", &Metric::name));
    const Metric& metric = **found;
    const auto percent = parse_percent(parts[4]);
    if (!percent) return tl::unexpected(percent.error());
    const char* const worse = metric.more_is_better ? "<-" : ">+";
    if (parts[2].str() + parts[3].str() != worse)
        return bad_option("invalid condition '{0}': a worse {1} is {1}{2}N%", text, metric.name,
                          worse);
    return Condition{&metric, !metric.more_is_better, metric.more_is_better ? -*percent : *percent,
                     text};
}

std::vector<Condition> default_conditions() {
    return {*parse_condition("throughput<-10%"), *parse_condition("p99>+10%"),
            *parse_condition("cpu>+10%")};
}

std::vector<std::string> unequal_conditions(const Run& before, const Run& after) {
    std::vector<std::string> unequal;
    for (std::size_t i = 0; i < std::min(before.conditions.size(), after.conditions.size()); ++i) {
        const auto& [name, value] = before.conditions[i];
        if (before.conditions[i] == after.conditions[i]) continue;
        unequal.push_back(name + ": " + value + " and " + after.conditions[i].second);
    }
    return unequal;
}

std::vector<CellChange> compare_runs(const Run& before, const Run& after) {
    std::vector<CellChange> cells;
    for (const RunCell& cell : before.cells) {
        const RunCell* const same = find_cell(after, cell);
        if (same != nullptr) cells.push_back(compare_cells(cell, *same));
    }
    return cells;
}

std::vector<MissingCell> missing_cells(const Run& run, const Run& other) {
    std::vector<MissingCell> missing;
    for (const RunCell& cell : run.cells) {
        if (find_cell(other, cell) == nullptr)
            missing.push_back({cell.server + ", " + cell.load, cell.valid});
    }
    return missing;
}

std::optional<bool> breaks(const CellChange& cell, const Condition& condition) {
    const MetricChange* const change = find_change(cell, *condition.metric);
    if (change == nullptr || !change->interval) return std::nullopt;
    const bool past =
        condition.above ? change->change > condition.bound : change->change < condition.bound;
    return past && !change->interval->holds(0);
}

std::vector<Table> tables_of(const std::vector<CellChange>& cells) {
    std::vector<Table> tables;
    for (const CellChange& cell : cells) {
        if (tables.empty() || tables.back().title != cell.load) {
            tables.push_back(
                {cell.load,
                 {"server", "metric", "before", "now", "change", "95% interval", "verdict"}});
        }
        Table& table = tables.back();
        if (!cell.not_judged.empty()) table.notes.push_back(cell.server + ": " + cell.not_judged);
        for (const MetricChange& change : cell.metrics) {
            const Metric& metric = *change.metric;
            table.rows.push_back({cell.server, metric.name, metric.text(change.before),
                                  metric.text(change.after), change_text(change.change),
                                  interval_text(change.interval), to_string(verdict_of(change))});
        }
    }
    return tables;
}

std::size_t comparisons_in(const std::vector<CellChange>& cells) {
    std::size_t comparisons = 0;
    for (const CellChange& cell : cells) {
        comparisons += static_cast<std::size_t>(std::ranges::count_if(
            cell.metrics,
            [](const MetricChange& change) { return change.interval && change.before > 0; }));
    }
    return comparisons;
}

// Whether the interval of a change goes beyond the bound, so that more rounds might break it.
bool may_break(const CellChange& cell, const Condition& condition) {
    const MetricChange* const change = find_change(cell, *condition.metric);
    if (change == nullptr || !change->interval || breaks(cell, condition).value_or(false))
        return false;
    return condition.above ? change->interval->high > condition.bound && change->change > 0
                           : change->interval->low < condition.bound && change->change < 0;
}

bool has_verdict(const std::vector<CellChange>& cells, const std::vector<Condition>& conditions,
                 Verdict verdict) {
    return std::ranges::any_of(cells, [&](const CellChange& cell) {
        return std::ranges::any_of(conditions, [&](const Condition& condition) {
            const MetricChange* const change = find_change(cell, *condition.metric);
            return change != nullptr && verdict_of(*change) == verdict;
        });
    });
}

Outcome outcome_of(const std::vector<CellChange>& cells, const std::vector<Condition>& conditions) {
    std::string worse, unjudged, judged, open;
    for (const CellChange& cell : cells) {
        if (cell.lost)
            worse += fmt::format("worse: {}, {}: {}\n", cell.server, cell.load, cell.not_judged);
        for (const Condition& condition : conditions) {
            if (breaks(cell, condition).value_or(false))
                worse += changed_line("worse", cell, condition);
            if (may_break(cell, condition)) open += changed_line("cannot tell", cell, condition);
        }
    }
    for (const Condition& condition : conditions) {
        const std::string why =
            judged_by(cells, condition) == 0 ? why_unjudged(cells, condition) : "";
        if (!why.empty()) unjudged += "not comparable by " + condition.text + ": " + why + "\n";
        judged += " " + judged_text(cells, condition);
    }
    if (!worse.empty()) return {kWorse, worse + unjudged + "verdict: worse\n"};
    if (!unjudged.empty()) return {kNotComparable, unjudged + "verdict: not comparable\n"};
    if (!open.empty())
        return {kCannotTell,
                open + "verdict: cannot tell, by" + judged + "; more rounds may tell\n"};
    const bool better = has_verdict(cells, conditions, Verdict::better);
    return {0, std::string("verdict: ") + (better ? "better" : "same") + ", by" + judged + "\n"};
}

}  // namespace switchboard::bench

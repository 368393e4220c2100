#include "diff.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <regex>

#include "format.hpp"
#include "lists.hpp"

namespace switchboard::bench {
namespace {

constexpr std::uint64_t kSeed = 1;  // of the intervals: the same two files give the same answer

std::string change_text(double change) {
    if (std::isinf(change)) return "from 0";
    const std::string text = fixed(change * 100, 1) + "%";
    return change < 0 ? text : "+" + text;
}

std::string interval_text(const std::optional<Interval>& interval) {
    if (!interval) return kNothing;
    return "[" + change_text(interval->low) + ", " + change_text(interval->high) + "]";
}

const RunCell* find_cell(const Run& run, const RunCell& wanted) {
    const auto found = std::find_if(run.cells.begin(), run.cells.end(), [&](const RunCell& cell) {
        return cell.load == wanted.load && cell.server == wanted.server;
    });
    return found == run.cells.end() ? nullptr : &*found;
}

// Of what was 0 in all rounds any other figure is more than any bound: if it is one in all rounds now.
MetricChange change_from_zero(const Metric& metric, const Summary& was, const Summary& is) {
    constexpr double kEndless = std::numeric_limits<double>::infinity();
    const double change = is.median > 0 ? kEndless : 0;
    const bool is_certain = was.max <= 0 && (is.min > 0 || is.max == 0);
    const std::size_t rounds = std::min(was.count, is.count);
    MetricChange from_zero{&metric, 0, is.median, change, std::nullopt, rounds};
    if (is_certain && (rounds >= kFewestForInterval || is_counted(metric)))
        from_zero.interval = Interval{change, change};
    return from_zero;
}

std::optional<MetricChange> change_of(const Metric& metric, const RunCell& before,
                                      const RunCell& after) {
    const Rounds old = before.rounds_of(metric), now = after.rounds_of(metric);
    const auto was = summarize(old), is = summarize(now);
    if (!was || !is) return std::nullopt;
    if (was->median <= 0) return change_from_zero(metric, *was, *is);
    const double change = is->median / was->median - 1;
    return MetricChange{&metric,
                        was->median,
                        is->median,
                        change,
                        is_counted(metric) ? std::optional(Interval{change, change})
                                           : change_interval(old, now, kSeed),
                        std::min(was->count, is->count)};
}

std::string why_not_judged(const RunCell& before, const RunCell& after) {
    std::string why;
    if (!before.valid) why = "invalid before: " + before.notes;
    if (!after.valid) why += (why.empty() ? "" : "; ") + std::string("invalid now: ") + after.notes;
    return why;
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

bool has_too_few_rounds(const MetricChange& change) {
    return change.rounds < kFewestForInterval;
}

std::string verdict_of(const MetricChange& change) {
    if (!change.interval) return has_too_few_rounds(change) ? "too few rounds" : "0 in some rounds";
    if (change.interval->holds(0)) return "no difference seen";
    return (change.change > 0) == change.metric->more_is_better ? "better" : "worse";
}

const MetricChange* find_change(const CellChange& cell, const Metric& metric) {
    const auto found =
        std::find_if(cell.metrics.begin(), cell.metrics.end(),
                     [&](const MetricChange& change) { return change.metric == &metric; });
    return found == cell.metrics.end() ? nullptr : &*found;
}

std::string broken_line(const CellChange& cell, const Condition& condition) {
    const MetricChange& change = *find_change(cell, *condition.metric);
    return "worse: " + cell.server + ", " + cell.load + ": " + condition.metric->name + " " +
           change_text(change.change) + " " + interval_text(change.interval) + ", past " +
           condition.text + "\n";
}

const Metric* find_file_metric(const std::string& name) {
    const auto& metrics = file_metrics();
    const auto found = std::find_if(metrics.begin(), metrics.end(),
                                    [&](const Metric* metric) { return metric->name == name; });
    return found == metrics.end() ? nullptr : *found;
}

std::size_t judged_by(const std::vector<CellChange>& cells, const Condition& condition) {
    return static_cast<std::size_t>(
        std::count_if(cells.begin(), cells.end(),
                      [&](const CellChange& cell) { return breaks(cell, condition).has_value(); }));
}

std::string why_unjudged(const CellChange& cell, const Condition& condition) {
    if (!cell.not_judged.empty()) return "invalid";
    const MetricChange* const change = find_change(cell, *condition.metric);
    if (change == nullptr) return "no such figure";
    if (has_too_few_rounds(*change))
        return "fewer than " + std::to_string(kFewestForInterval) + " rounds";
    return verdict_of(*change);
}

// "invalid (2 cells), no such figure (1 cell)", where none can be judged by it; but for a lost cell, which
// is told as worse.
std::string why_unjudged(const std::vector<CellChange>& cells, const Condition& condition) {
    std::map<std::string, std::size_t> reasons;
    for (const CellChange& cell : cells) {
        if (!cell.lost) ++reasons[why_unjudged(cell, condition)];
    }
    std::string text;
    for (const auto& [reason, count] : reasons) {
        text += (text.empty() ? "" : ", ") + reason + " (" + std::to_string(count) +
                (count == 1 ? " cell)" : " cells)");
    }
    return text;
}

// "p99>+10%", or where not all that were valid before could be judged, "p99>+10% (2 of 3 cells)".
std::string judged_text(const std::vector<CellChange>& cells, const Condition& condition) {
    const std::size_t judged = judged_by(cells, condition);
    const auto valid = static_cast<std::size_t>(std::count_if(
        cells.begin(), cells.end(), [](const CellChange& cell) { return cell.was_valid; }));
    if (judged == valid) return condition.text;
    return condition.text + " (" + std::to_string(judged) + " of " + std::to_string(valid) +
           " cells)";
}

}  // namespace

Result<Condition> parse_condition(const std::string& text) {
    static const std::regex form(R"(([a-z0-9._]+)([<>])([+-])(.*))");
    std::smatch parts;
    if (!std::regex_match(text, parts, form)) {
        return fail(errc::bad_option, "'" + text + "' is no condition like 'p99>+10%'");
    }
    const Metric* const metric = find_file_metric(parts[1].str());
    if (metric == nullptr) {
        std::string known;
        for (const Metric* one : file_metrics()) known += std::string(" ") + one->name;
        return fail(errc::bad_option, "'" + text + "': there is" + known);
    }
    const auto percent = parse_percent(parts[4]);
    if (!percent) return tl::unexpected(percent.error());
    const std::string worse = metric->more_is_better ? "<-" : ">+";
    if (parts[2].str() + parts[3].str() != worse)
        return fail(errc::bad_option, "'" + text + "': worse is " + metric->name + worse +
                                          "N%, and a condition says how much of that is too much");
    return Condition{metric, !metric->more_is_better, metric->more_is_better ? -*percent : *percent,
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
                 {"server", "metric", "before", "now", "change", "95% interval", "verdict"},
                 {},
                 {}});
        }
        Table& table = tables.back();
        if (!cell.not_judged.empty()) table.notes.push_back(cell.server + ": " + cell.not_judged);
        for (const MetricChange& change : cell.metrics) {
            const Metric& metric = *change.metric;
            table.rows.push_back({cell.server, metric.name, metric.text(change.before),
                                  metric.text(change.after), change_text(change.change),
                                  interval_text(change.interval), verdict_of(change)});
        }
    }
    return tables;
}

std::size_t comparisons_in(const std::vector<CellChange>& cells) {
    std::size_t comparisons = 0;
    for (const CellChange& cell : cells) {
        comparisons += static_cast<std::size_t>(
            std::count_if(cell.metrics.begin(), cell.metrics.end(), [](const MetricChange& change) {
                return change.interval && change.before > 0 && !is_counted(*change.metric);
            }));
    }
    return comparisons;
}

Outcome judge(const std::vector<CellChange>& cells, const std::vector<Condition>& conditions) {
    std::string worse, unjudged, judged;
    for (const CellChange& cell : cells) {
        if (cell.lost)
            worse += "worse: " + cell.server + ", " + cell.load + ": " + cell.not_judged + "\n";
        for (const Condition& condition : conditions) {
            if (breaks(cell, condition).value_or(false)) worse += broken_line(cell, condition);
        }
    }
    for (const Condition& condition : conditions) {
        const std::string why =
            judged_by(cells, condition) == 0 ? why_unjudged(cells, condition) : "";
        if (!why.empty()) unjudged += "not comparable by " + condition.text + ": " + why + "\n";
        judged += " " + judged_text(cells, condition);
    }
    if (!worse.empty()) return {3, worse + unjudged};
    if (!unjudged.empty()) return {4, unjudged};
    return {0, "same or better by" + judged + "\n"};
}

}  // namespace switchboard::bench

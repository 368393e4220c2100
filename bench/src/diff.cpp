#include "diff.hpp"

#include <algorithm>
#include <regex>

#include "format.hpp"
#include "lists.hpp"

namespace switchboard::bench {
namespace {

constexpr std::uint64_t kSeed = 1;  // of the intervals: the same two files give the same answer

std::string change_text(double change) {
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

std::optional<MetricChange> change_of(const Metric& metric, const RunCell& before,
                                      const RunCell& after) {
    const Rounds& old = before.metrics.at(metric.name);
    const Rounds& now = after.metrics.at(metric.name);
    const auto was = summarize(old), is = summarize(now);
    if (!was || !is || was->median <= 0) return std::nullopt;
    return MetricChange{&metric, was->median, is->median, is->median / was->median - 1,
                        change_interval(old, now, kSeed)};
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
                    before.valid && after.failed,
                    {}};
    if (!cell.not_judged.empty()) return cell;
    for (const Metric* metric : all_metrics()) {
        if (auto change = change_of(*metric, before, after)) cell.metrics.push_back(*change);
    }
    return cell;
}

std::string verdict_of(const MetricChange& change) {
    if (!change.interval) return "too few rounds";
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

std::string text_of(const std::vector<Condition>& conditions) {
    std::string text;
    for (const Condition& condition : conditions) text += " " + condition.text;
    return text;
}

}  // namespace

Result<Condition> parse_condition(const std::string& text) {
    static const std::regex form(R"(([a-z0-9._]+)([<>])([+-])(.*))");
    std::smatch parts;
    if (!std::regex_match(text, parts, form)) {
        return fail(errc::bad_option, "'" + text + "' is no condition like 'p99>+10%'");
    }
    const Metric* const metric = find_metric(parts[1].str());
    if (metric == nullptr) {
        std::string known;
        for (const Metric* one : all_metrics()) known += std::string(" ") + one->name;
        return fail(errc::bad_option, "'" + text + "': there is" + known);
    }
    const auto percent = parse_percent(parts[4]);
    if (!percent) return tl::unexpected(percent.error());
    return Condition{metric, parts[2] == ">", parts[3] == "-" ? -*percent : *percent, text};
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

Outcome judge(const std::vector<CellChange>& cells, const std::vector<Condition>& conditions) {
    Outcome outcome;
    std::size_t judged = 0;
    for (const CellChange& cell : cells) {
        if (cell.lost)
            outcome.text +=
                "worse: " + cell.server + ", " + cell.load + ": " + cell.not_judged + "\n";
        for (const Condition& condition : conditions) {
            const auto broken = breaks(cell, condition);
            if (broken) ++judged;
            if (broken.value_or(false)) outcome.text += broken_line(cell, condition);
        }
    }
    if (!outcome.text.empty()) {
        outcome.status = 3;
    } else if (judged == 0) {
        outcome = {4, "not comparable: no cell is valid in both and has 5 rounds in each\n"};
    } else {
        outcome.text = "same or better by" + text_of(conditions) + "\n";
    }
    return outcome;
}

}  // namespace switchboard::bench

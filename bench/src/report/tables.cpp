// The output of compare: tables for each load and for knees, and the short table of --quick.
#include <fmt/core.h>
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/find.hpp"
#include "base/text.hpp"
#include "compare/results.hpp"

namespace switchboard::bench {
namespace {

constexpr double kNearly = 0.95;

// Describes the nearest probe above the knee, which shows why the knee is not higher.
std::string limit_of(const Knee& knee) {
    const Probe* nearest = nullptr;
    for (const Probe& probe : knee.probes) {
        if (probe.holds == false && (nearest == nullptr || probe.rate < nearest->rate))
            nearest = &probe;
    }
    return nearest == nullptr ? kNothing
                              : fmt::format("at {}: {}", rate_text(nearest->rate), nearest->why);
}

const Knee* last_found(const CellRounds& cell) {
    const auto found = std::find_if(cell.knees.rbegin(), cell.knees.rend(),
                                    [](const Knee& knee) { return knee.why_not_found.empty(); });
    return found == cell.knees.rend() ? nullptr : &*found;
}

Rounds parts_of_ceiling(const CellRounds& cell) {
    Rounds parts;
    for (const Knee& knee : cell.knees) {
        if (knee.why_not_found.empty()) parts.emplace_back(knee.rate / knee.probes.front().rate);
    }
    return parts;
}

// "round 2: above 10,000: other processes used 7.1% of the CPUs"; empty if all were found.
std::string not_found_text(const CellRounds& cell) {
    std::size_t round = 0;
    return joined(cell.knees, "; ", [&](const Knee& knee) {
        ++round;
        if (knee.why_not_found.empty()) return std::string();
        const std::string above =
            knee.rate > 0 ? fmt::format("above {}: ", rate_text(knee.rate)) : "";
        return fmt::format("round {}: {}{}", round, above, knee.why_not_found);
    });
}

std::string against_text(const Results& results, const CellRounds& cell) {
    if (cell.cell.server == results.experiment.baseline) return "baseline";
    const auto ratio = results.knee_against_baseline(cell);
    if (!ratio) return kNothing;
    return to_text(*ratio) + (difference_seen(*ratio) == 0 ? ", no difference seen" : "");
}

std::vector<std::string> knee_row(const Results& results, const CellRounds& cell) {
    const auto rate = summarize(knee_rates(cell));
    const Knee* const last = last_found(cell);
    const auto of_ceiling = summarize(parts_of_ceiling(cell));
    const std::string star = not_found_text(cell).empty() ? "" : "*";
    return {cell.cell.server + star,
            std::to_string(cell.cell.connections),
            std::to_string(cell.cell.size),
            rate ? rate_text(rate->median) + percent_text(*rate) : kNothing,
            against_text(results, cell),
            of_ceiling ? fixed(of_ceiling->median * 100, 0) + "%" : kNothing,
            last != nullptr ? limit_of(*last) : kNothing};
}

Table knee_table(const Results& results) {
    Table table{"The highest rate that keeps " +
                    (results.experiment.slo ? results.experiment.slo->text : ""),
                {"server", "conns", "size", "rate", "ratio", "of its closed loop",
                 "above it, in the last round"}};
    for (const CellRounds& cell : results.cells) {
        if (cell.knees.empty()) continue;
        table.rows.push_back(knee_row(results, cell));
        const std::string why_not_found = not_found_text(cell);
        if (!why_not_found.empty())
            table.notes.push_back(fmt::format("* {}, {} x {} B: not found in {}", cell.cell.server,
                                              cell.cell.connections, cell.cell.size,
                                              why_not_found));
    }
    return table;
}

// `cells` are those of one server and size, from few connections to many. Returns the first whose knee is
// nearly the highest; null if no knee was found.
const CellRounds* fewest_connections(const std::vector<const CellRounds*>& cells) {
    const auto rate_of = [](const CellRounds* cell) {
        const auto rate = summarize(knee_rates(*cell));
        return rate ? rate->median : 0;
    };
    double highest = 0;
    for (const CellRounds* cell : cells) highest = std::max(highest, rate_of(cell));
    const auto* const nearly = find_where(cells, [&](const CellRounds* cell) {
        return highest > 0 && rate_of(cell) >= kNearly * highest;
    });
    return nearly == nullptr ? nullptr : *nearly;
}

Table concurrency_table(const Results& results) {
    Table table{fmt::format("The fewest connections that reach {:.0f}% of the highest such rate",
                            kNearly * 100),
                {"server", "size", "conns", "rate"}};
    for (const std::size_t size : results.experiment.sizes) {
        for (const std::string& server : results.experiment.servers) {
            const auto cells = results.by_connections(server, size);
            const CellRounds* const cell = fewest_connections(cells);
            if (cell == nullptr) continue;
            const bool knows_all = std::ranges::all_of(
                cells, [](const auto* each) { return !!summarize(knee_rates(*each)); });
            if (!knows_all)
                table.notes.push_back(
                    fmt::format("* {}, {} B: only among those whose knee was found", server, size));
            table.rows.push_back({server + (knows_all ? "" : "*"), std::to_string(size),
                                  std::to_string(cell->cell.connections),
                                  rate_text(summarize(knee_rates(*cell))->median)});
        }
    }
    return table;
}

std::string figure_text(const CellRounds& cell, const Metric& metric, bool with_spread = false) {
    const auto figure = summarize(cell, metric);
    if (!figure) return kNothing;
    // The column headings of a comparison contain these units.
    const std::string text = &metric == &kThroughput ? rate_text(figure->median)
                             : &metric == &kCpu      ? significant(figure->median * 1e6)
                                                     : metric.text(figure->median);
    return text + (with_spread ? percent_text(*figure) : "");
}

std::string user_and_system_text(const CellRounds& cell) {
    const auto cpu = summarize(cell, kCpu);
    const auto user = user_share(cell);
    if (!cpu || !user) return kNothing;
    return significant(cpu->median * *user * 1e6) + "+" +
           significant(cpu->median * (1 - *user) * 1e6);
}

// Enough digits to show that an interval does not contain 1.
int digits_for(const Interval& interval) {
    const double nearest = std::min(std::abs(interval.low - 1), std::abs(interval.high - 1));
    if (interval.holds(1) || nearest >= 0.005) return 2;
    return nearest < 0.0005 ? 4 : 3;
}

// Describes a ratio in words. `more` is the word for a cell with a higher figure than the baseline.
std::string verdict_of(const Results& results, const CellRounds& cell, const BaselineRatio& against,
                       const char* more, const char* less) {
    if (!against.missing.empty()) return against.missing;
    if (cell.cell.server == results.experiment.baseline) return "baseline";
    if (!against.ratio) return kNothing;
    const auto seen = difference_seen(*against.ratio);
    if (!seen) return "too few rounds";
    if (*seen == 0) return "no difference seen";
    return *seen > 0 ? more : less;
}

std::string switches_text(const CellRounds& cell) {
    const auto own = summarize(cell, kVoluntary), forced = summarize(cell, kInvoluntary);
    return own && forced ? significant(own->median) + "+" + significant(forced->median) : kNothing;
}

std::string name_of(const Results& results, const CellRounds& cell) {
    if (!why_invalid(cell).empty()) return cell.cell.server + "*";
    return cell.cell.server + (results.is_ranked(cell) ? "" : "~");
}

std::vector<std::string> speed_row(const Results& results, const CellRounds& cell) {
    const auto rank = results.rank_of(cell);
    const Metric& goal = results.goal();
    const BaselineRatio against = results.against_baseline(cell, goal);
    std::vector<std::string> row{name_of(results, cell),
                                 rank ? std::to_string(*rank) : kNothing,
                                 figure_text(cell, kThroughput, true),
                                 figure_text(cell, kP50),
                                 figure_text(cell, kP99, true),
                                 figure_text(cell, kP999)};
    if (results.experiment.rate > 0) {
        row.push_back(figure_text(cell, kUncorrectedP99));
        row.push_back(figure_text(cell, kSendDelayP99));
    }
    row.push_back(against.ratio ? to_text(*against.ratio) : kNothing);
    row.push_back(goal.more_is_better ? verdict_of(results, cell, against, "faster", "slower")
                                      : verdict_of(results, cell, against, "slower", "faster"));
    return row;
}

std::vector<std::string> cost_row(const Results& results, const CellRounds& cell) {
    const BaselineRatio against = results.against_baseline(cell, kCpu);
    return {name_of(results, cell),
            figure_text(cell, kCpu, true),
            user_and_system_text(cell),
            switches_text(cell),
            figure_text(cell, kMemory),
            against.ratio ? to_text(*against.ratio) : kNothing,
            verdict_of(results, cell, against, "dearer", "cheaper")};
}

std::string title_of(const Results& results, const Cell& cell) {
    const Experiment& experiment = results.experiment;
    std::string title =
        fmt::format("{}, {}, {} B messages, depth {}", experiment.workload,
                    count_text(cell.connections, "connection"), cell.size, experiment.depth);
    if (experiment.workload == "reply") title += fmt::format(", replies of {} B", experiment.reply);
    if (experiment.rate > 0)
        title += fmt::format(", {} offered a second", rate_text(experiment.rate));
    if (experiment.arrivals == Arrivals::poisson) title += " (poisson)";
    if (experiment.work.count() > 0)
        title += fmt::format(", {} us of work each", experiment.work.count());
    for (const std::string& background : experiment.background)
        title += ", background " + background;
    return title;
}

std::string where_of(const CpuPlan& cpus) {
    if (cpus.spread())
        return fmt::format("server on all CPUs, generator on CPU {}", cpus.generator);
    if (cpus.shared()) return fmt::format("server and generator share CPU {}", cpus.server);
    return fmt::format("server on CPU {}, generator on CPU {}{}", cpus.server, cpus.generator,
                       cpus.one_core.value_or(false) ? ", two threads of one core" : "");
}

// Counts the ratios for which the tables say whether a difference was seen.
std::size_t comparisons_in(const Results& results) {
    std::size_t comparisons = 0;
    const auto add = [&](const std::optional<Ratio>& ratio) {
        if (ratio && ratio->interval) ++comparisons;
    };
    for (const CellRounds& cell : results.cells) {
        if (cell.cell.server == results.experiment.baseline) continue;
        add(results.against_baseline(cell, results.goal()).ratio);
        add(results.against_baseline(cell, kCpu).ratio);
        add(results.knee_against_baseline(cell));
    }
    return comparisons;
}

Table speed_table(const Results& results, const Cell& load) {
    const bool paced = results.experiment.rate > 0;
    std::vector<std::string> head{"server", "#", "exchanges/s", "p50", "p99", "p99.9"};
    if (paced) head.insert(head.end(), {"p99 uncorrected", "p99 send delay"});
    head.insert(head.end(), {paced ? "p99 ratio" : "rate ratio", "verdict"});
    return {title_of(results, load), std::move(head)};
}

Table cost_table(const Results& results, const Cell& load) {
    return {title_of(results, load) + ": the server's cost",
            {"server", "CPU us", "user+sys", "switches", "memory", "CPU ratio", "verdict"}};
}

const CellRounds* cell_of(const Results& results, Cell load, const std::string& server) {
    load.server = server;
    return find_by(results.cells, load, &CellRounds::cell);
}

// The servers: the best under `load` first, invalid ones last.
std::vector<std::string> best_first(const Results& results, const Cell& load) {
    const Metric& goal = results.goal();
    std::vector<std::string> servers = results.experiment.servers;
    std::ranges::stable_sort(servers, {}, [&](const std::string& server) {
        const CellRounds* const cell = cell_of(results, load, server);
        const auto figure =
            cell != nullptr && why_invalid(*cell).empty() ? summarize(*cell, goal) : std::nullopt;
        const double worst = std::numeric_limits<double>::infinity();
        return !figure ? worst : goal.more_is_better ? -figure->median : figure->median;
    });
    return servers;
}

// A row for each server, the best under the last load first. Its mark is the worst of all loads.
Table brief_table(const Results& results) {
    const Experiment& experiment = results.experiment;
    const std::vector<Cell> loads = all_loads(experiment);
    Table table{
        fmt::format("{} of {} B, {} of {} ms", experiment.workload, experiment.sizes.front(),
                    count_text(experiment.rounds, "round"), experiment.duration.count()),
        {"server"}};
    for (const Cell& load : loads) {
        table.header.push_back(experiment.sizes.size() > 1
                                   ? fmt::format("{}x{}B/s", load.connections, load.size)
                                   : fmt::format("{} conns/s", load.connections));
        table.header.emplace_back("p99");
    }
    table.header.insert(table.header.end(), {"CPU us", "memory"});
    for (const std::string& server : best_first(results, loads.back())) {
        Row row{server};
        std::string mark;
        for (const Cell& load : loads) {
            const CellRounds* const cell = cell_of(results, load, server);
            if (cell == nullptr) continue;
            row.push_back(figure_text(*cell, kThroughput));
            row.push_back(figure_text(*cell, kP99));
            const std::string name = name_of(results, *cell);
            if (name.ends_with('*') || (name.ends_with('~') && mark.empty())) mark = name.back();
        }
        row[0] += mark;
        const CellRounds* const last = cell_of(results, loads.back(), server);
        row.push_back(last == nullptr ? kNothing : figure_text(*last, kCpu));
        row.push_back(last == nullptr ? kNothing : figure_text(*last, kMemory));
        table.rows.push_back(std::move(row));
    }
    return table;
}

bool sees_others(const Results& results) {
    return std::ranges::all_of(results.cells, [](const CellRounds& cell) {
        return std::ranges::all_of(cell.rounds, [](const auto& round) { return !!round.noise; });
    });
}

std::vector<std::string> warnings_of(const Results& results) {
    std::vector<std::string> lines;
    for (const auto& [name, value] : results.environment) {
        if (name == "build_type" && value != "Release")
            lines.push_back("Built as " + value +
                            ": the figures are not those of a Release build.");
    }
    if (std::string chance = chance_text(comparisons_in(results)); !chance.empty())
        lines.push_back(std::move(chance));
    const std::string& baseline = results.experiment.baseline;
    if (find_by(results.experiment.servers, baseline, std::identity()) == nullptr)
        lines.push_back(baseline + " was not measured, so there are no ratios.");
    if (!sees_others(results))
        lines.emplace_back(
            "The CPU use of other processes is unknown: /proc/stat does not show it.");
    return lines;
}

}  // namespace

std::string to_text(const Ratio& ratio) {
    if (ratio.min == ratio.max) return fixed(ratio.median, 2);
    if (!ratio.interval) return fixed(ratio.median, 2) + " \u00b1" + fixed(ratio.mad, 2);
    const auto [low, high] = *ratio.interval;
    const int digits = digits_for(*ratio.interval);
    return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", ratio.median, digits, low, digits, high,
                       digits);
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
        const std::string notes = notes_of(why_invalid(cell));
        if (!notes.empty()) speed.notes.push_back("* " + cell.cell.server + ": " + notes);
        const std::string doubts = notes.empty() ? notes_of(results.why_doubtful(cell)) : "";
        if (!doubts.empty()) speed.notes.push_back("~ " + cell.cell.server + ": " + doubts);
    }
    if (results.experiment.find_knee) tables.push_back(knee_table(results));
    if (results.experiment.find_knee && results.experiment.connections.size() > 1)
        tables.push_back(concurrency_table(results));
    return tables;
}

std::vector<std::string> preamble_of(const Results& results) {
    const Experiment& experiment = results.experiment;
    const std::string exchanges = experiment.exchanges == Load::kNoEnd
                                      ? ""
                                      : " or " + count_text(experiment.exchanges, "exchange");
    std::vector<std::string> lines{
        fmt::format("{}; {}; {} of {} ms{} in random order, seed {}", where_of(results.cpus),
                    experiment.over == "unix"  ? "unix sockets"
                    : experiment.over == "tls" ? "TLS over loopback"
                                               : "TCP over loopback",
                    count_text(experiment.rounds, "round"), experiment.duration.count(), exchanges,
                    experiment.seed),
        fmt::format("Figures are medians over the rounds, \u00b1 the median absolute deviation. "
                    "Ratios are to {}, "
                    "paired by round.",
                    experiment.baseline),
        experiment.rounds < kFewestForInterval
            ? fmt::format("Their interval requires {} rounds, so no difference can be shown.",
                          kFewestForInterval)
            : "[a, b] is their 95% interval. If it contains 1, no difference was seen.",
        "CPU and context switches (voluntary+involuntary) are those of the server per exchange.",
        "Every byte of every reply is checked.",
        "* is an invalid row: no rank (#), no ratio; see the note.",
        "~ is a row that something other than the server limited: no rank, verdict 'cannot tell'."};
    for (std::string& warning : warnings_of(results)) lines.push_back(std::move(warning));
    for (const Skipped& each : results.skipped)
        lines.push_back("Skipped: " + each.server + ": " + each.why);
    return lines;
}

std::string to_brief_text(const Results& results, const std::string& report) {
    const Experiment& experiment = results.experiment;
    if (experiment.connections.size() * experiment.sizes.size() > 2 || experiment.find_knee)
        return to_text(results);
    Table table = brief_table(results);
    const auto marked = [&](char mark) {
        return std::ranges::any_of(table.rows,
                                   [&](const Row& row) { return row[0].ends_with(mark); });
    };
    if (marked('*'))
        table.notes.emplace_back(
            "* invalid: something failed or was not served; the report says what");
    if (marked('~'))
        table.notes.emplace_back(
            "~ doubtful: other work or the generator was the limit, so there are no ranks");
    if (!results.skipped.empty())
        table.notes.push_back(
            ("skipped: " + joined(results.skipped, ", ", &Skipped::server)).substr(0, 78));
    if (results.interrupted) table.notes.emplace_back("interrupted: not all rounds were run");
    table.notes.push_back(report.empty()
                              ? "all figures: run without --quick, or with --report FILE.html"
                              : "report: " + report);
    return to_text(table);
}

std::string to_text(const Results& results) {
    std::string text;
    for (const std::string& line : preamble_of(results)) text += line + "\n";
    for (const Table& table : tables_of(results)) text += to_text(table);
    if (results.interrupted)
        text += "\nInterrupted: the tables show what was measured until then.\n";
    return text;
}

}  // namespace switchboard::bench

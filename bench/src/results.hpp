// A whole comparison, and the four ways to tell it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compare_cost.hpp"
#include "compare_options.hpp"
#include "cpus.hpp"
#include "environment.hpp"
#include "judge.hpp"
#include "measurement.hpp"
#include "table.hpp"

namespace switchboard::bench {

// A peer that could not be measured here.
struct LeftOut {
    std::string server, why;
};

// A cell beside the baseline of its table, in one metric.
struct Against {
    std::optional<Ratio> ratio;
    // Why there is none: "invalid", "baseline invalid", "no baseline"; empty when there is one, and
    // where one of the two has no such figure.
    std::string missing;
};

// What the interval of a ratio says: nullopt when there is none, 0 where it holds 1 (no difference was
// seen), else 1 where the cell has more than the baseline and -1 where it has less.
std::optional<int> difference_seen(const Ratio& ratio);

// "1.03 [0.98, 1.07]"; with too few rounds for an interval the spread; alone where they are all alike.
std::string to_text(const Ratio& ratio);

struct Results {
    CompareOptions options;
    CpuPlan cpus;
    std::string command_line;
    Environment environment;
    std::vector<CellRounds> cells;  // by size, then connections, then server, as in the options
    std::vector<LeftOut> left_out;
    Counted counted;  // of --cost; empty without
    bool interrupted = false;
    // Connections that got wrong bytes in what Ctrl-C cut short, which is not among the cells' rounds.
    std::size_t wrong_at_the_end = 0;

    CellRounds& at(const Cell& cell);                                // adds it if it is new
    std::vector<Invalid> why_invalid(const CellRounds& cell) const;  // by the options' limits
    // What servers are ranked by: throughput, or where a rate was asked for, p99.
    const Metric& goal() const;
    // The place by goal() among the valid cells of the same load, 1 the best; none when invalid.
    std::optional<std::size_t> rank_of(const CellRounds& cell) const;
    // The valid cells of a load, in their order; the server of `load` is not looked at.
    std::vector<const CellRounds*> valid_under(const Cell& load) const;
    // The cells of one server and size, from few connections to many.
    std::vector<const CellRounds*> by_connections(const std::string& server,
                                                  std::size_t size) const;
    Against against_baseline(const CellRounds& cell, const Metric& metric) const;
    // Of its knees; nullopt where one of both has none, and for the baseline itself.
    std::optional<Ratio> knee_against_baseline(const CellRounds& cell) const;
    std::size_t wrong_replies() const;  // connections that got wrong bytes, in all rounds

private:
    // The cell of options.baseline under the same load; null if it is not among them.
    const CellRounds* baseline_of(const Cell& cell) const;
};

// For each load how fast it was and what that cost, then what was counted.
std::vector<Table> tables_of(const Results& results);
// How it was measured, in a few lines: what runs where, seed, rounds, what +- means.
std::vector<std::string> preamble_of(const Results& results);

// What the JSON calls itself. The version counts up when a field goes or changes its meaning.
inline constexpr const char* kCompareFormat = "switchboard-bench compare";
inline constexpr int kCompareVersion = 4;

std::string to_text(const Results& results);
std::string to_json(const Results& results);  // see bench/compare.schema.json
std::string to_csv(const Results& results);   // a line per cell and round; units in the names
std::string to_html(const Results& results);  // self-contained; plots if gnuplot is installed

}  // namespace switchboard::bench

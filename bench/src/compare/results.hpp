// The results of a comparison, and the functions that write them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "compare/experiment.hpp"
#include "compare/measurement.hpp"
#include "compare/validity.hpp"
#include "system/cpus.hpp"
#include "system/environment.hpp"

namespace switchboard::bench {

// A server that could not be measured on this machine.
struct Skipped {
    std::string server, why;
};

// The comparison of a cell with its baseline, in one metric.
struct BaselineRatio {
    std::optional<Ratio> ratio;
    // Why there is no verdict: "invalid", "baseline invalid", "no baseline", or "cannot tell" if one of the
    // two is doubtful. Empty if a verdict is possible, or if one of the two has no such figure.
    std::string missing;
};

// 0 if the interval contains 1 (no difference was seen), 1 if the cell has more than the baseline, -1 if it
// has less; nullopt without an interval.
std::optional<int> difference_seen(const Ratio& ratio);

// "1.03 [0.98, 1.07]"; the spread if there are too few rounds for an interval; "1.03" if all are equal.
std::string to_text(const Ratio& ratio);

struct Results {
    Experiment experiment;
    CpuPlan cpus;
    std::string command_line;
    Environment environment;
    std::vector<CellRounds> cells;  // by size, then connections, then server, as in the experiment
    std::vector<Skipped> skipped;
    bool interrupted = false;
    // Connections that got wrong bytes in the round that Ctrl-C cut short, which is not in `cells`.
    std::size_t wrong_at_the_end = 0;

    CellRounds& at(const Cell& cell);                                 // adds it if it is new
    std::vector<Invalid> why_doubtful(const CellRounds& cell) const;  // by the experiment's limit
    bool is_ranked(const CellRounds& cell) const;                     // valid, and not doubtful
    // The metric that ranks servers: throughput, or p99 at a given rate.
    const Metric& goal() const;
    // The rank by goal() among the ranked cells of the same load; 1 is the best. Nullopt if it is not ranked.
    std::optional<std::size_t> rank_of(const CellRounds& cell) const;
    // The valid cells of a load, in their order. Ignores the server of `load`.
    std::vector<const CellRounds*> valid_under(const Cell& load) const;
    // The cells of one server and size, from few connections to many.
    std::vector<const CellRounds*> by_connections(const std::string& server,
                                                  std::size_t size) const;
    BaselineRatio against_baseline(const CellRounds& cell, const Metric& metric) const;
    // The ratio of the knees; nullopt if one of the two has none, and for the baseline itself.
    std::optional<Ratio> knee_against_baseline(const CellRounds& cell) const;
    std::size_t wrong_replies() const;  // connections that got wrong bytes, in all rounds

private:
    // The cell of experiment.baseline under the same load; null if it is not among them.
    const CellRounds* baseline_of(const Cell& cell) const;
};

// For each load, a table of speed and a table of cost; then the tables of knees.
std::vector<Table> tables_of(const Results& results);
// Describes the measurement in a few lines: what runs where, seed, rounds, what +- means.
std::vector<std::string> preamble_of(const Results& results);

// Says for each load which valid server had the highest throughput (at a given rate: the lowest p99), and
// whether that is certain.
struct LoadSummary {
    std::size_t size, connections;
    std::string text;
};
std::vector<LoadSummary> summary_of(const Results& results);

std::string to_text(const Results& results);
// One table of at most two loads that fits 24 lines of 80 columns, and the path `report` if it is not empty.
// With more loads, or with knees, like to_text().
std::string to_brief_text(const Results& results, const std::string& report);
std::string to_json(const Results& results);  // see bench/compare.schema.json
std::string to_csv(const Results& results);   // one line per cell and round; units are in the names

}  // namespace switchboard::bench

// `switchboard-bench diff`: finds what has changed between two runs, and whether it has become worse.
#pragma once

#include <optional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "compare/measurement.hpp"
#include "compare/results.hpp"
#include "compare/saved_run.hpp"

namespace switchboard::bench {

// "p99>+10%": METRIC, > or <, and the bound of the change.
struct Condition {
    const Metric* metric;
    bool above;    // whether a change above or below the bound breaks it
    double bound;  // relative: 0.1 is +10%
    std::string text;
};
// errc::bad_option for invalid text, or if the condition would fail a run for being better.
Result<Condition> parse_condition(const std::string& text);
// Conditions if none are given: throughput<-10%, p99>+10%, cpu>+10%.
std::vector<Condition> default_conditions();

// The second run compared with the first.
struct MetricChange {
    const Metric* metric;
    double before = 0, after = 0;      // medians
    double change = 0;                 // relative; infinite if `before` is 0
    std::optional<Interval> interval;  // from change_interval()
    std::size_t rounds = 0;            // with a value, in the run that has fewer
};
struct CellChange {
    std::string load, server;
    std::string not_judged;  // why it cannot be judged: one is invalid; else empty
    bool was_valid = true;
    bool lost = false;                  // it was valid, and now the server fails in it
    std::vector<MetricChange> metrics;  // those that both have; none if it is not judged
};

// "kernel: Linux 6.1 and Linux 6.2" for each condition that differs.
std::vector<std::string> unequal_conditions(const Run& before, const Run& after);
// The cells that both have, in the order of the first.
std::vector<CellChange> compare_runs(const Run& before, const Run& after);
// The cells of `run` that `other` does not have.
struct MissingCell {
    std::string name;  // "reactor, echo, 100 connections, 64 B"
    bool valid;
    friend bool operator==(const MissingCell&, const MissingCell&) = default;
};
std::vector<MissingCell> missing_cells(const Run& run, const Run& other);

// Whether it breaks the condition: the change is past the bound, and the interval excludes 0. Nullopt if this
// cannot be decided, because a figure or an interval is missing.
std::optional<bool> breaks(const CellChange& cell, const Condition& condition);

// A table per load, with a row per server and metric.
std::vector<Table> tables_of(const std::vector<CellChange>& cells);
// How many of their changes have an interval, which says whether they differ by chance.
std::size_t comparisons_in(const std::vector<CellChange>& cells);

// The verdict on a change. If the interval excludes 0, it is better or worse. If the interval includes 0, it
// is the same if the interval is narrow, and cannot_tell if it is wide.
enum class Verdict : unsigned char { same, better, worse, cannot_tell };
const char* to_string(Verdict verdict) noexcept;

// Exit statuses; 0 is same or better.
inline constexpr int kWorse = 3;          // a condition is broken, or a cell is lost
inline constexpr int kNotComparable = 4;  // no cell can be judged by one of the conditions
inline constexpr int kCannotTell = 5;     // the interval of a change reaches past a bound
struct Outcome {
    int status = 0;
    std::string text;  // lines
};
Outcome outcome_of(const std::vector<CellChange>& cells, const std::vector<Condition>& conditions);

}  // namespace switchboard::bench

// `switchboard-bench diff`: what has changed between two runs, and whether it has become worse.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "measurement.hpp"
#include "results.hpp"
#include "run_file.hpp"

namespace CLI {
class App;
}

namespace switchboard::bench {

// "p99>+10%": METRIC, > or <, and by how much it may change.
struct Condition {
    const Metric* metric;
    bool above;    // whether a change above the bound breaks it, or one below
    double bound;  // relative: 0.1 is +10%
    std::string text;
};
// errc::bad_option for what is none, or would fail a run for being better.
Result<Condition> parse_condition(const std::string& text);
// What is asked when nothing is: throughput<-10%, p99>+10%, cpu>+10%.
std::vector<Condition> default_conditions();

// The second run against the first.
struct MetricChange {
    const Metric* metric;
    double before = 0, after = 0;  // medians
    double change = 0;             // relative; infinite where the one before was 0
    std::optional<Interval>
        interval;            // as change_interval() has it; of what was counted the change
    std::size_t rounds = 0;  // that have it, of the run where they are fewer
};
struct CellChange {
    std::string load, server;
    std::string not_judged;  // why nothing is said of it, one of the two being invalid; else empty
    bool was_valid = true;
    bool lost = false;                  // it was valid, and now the server fails in it
    std::vector<MetricChange> metrics;  // those that both have; none where it is not judged
};

// "kernel: Linux 6.1 and Linux 6.2", for each condition that is not equal.
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

// Whether it breaks the condition: the change is past the bound, and the interval excludes that there
// is none. Nullopt where that can't be told: there is no such figure, or no interval.
std::optional<bool> breaks(const CellChange& cell, const Condition& condition);

// A table for each load: a row for each server and metric.
std::vector<Table> tables_of(const std::vector<CellChange>& cells);
// How many of their changes an interval tells from chance, or does not.
std::size_t comparisons_in(const std::vector<CellChange>& cells);

// What it comes to. Status 0: same or better; 3: a condition is broken, or a cell is lost; 4: there is a
// condition that no cell can be judged by.
struct Outcome {
    int status = 0;
    std::string text;  // lines
};
Outcome judge(const std::vector<CellChange>& cells, const std::vector<Condition>& conditions);

// Adds `diff` to `app`, as add_compare() does.
void add_diff(CLI::App& app, std::function<int()>& chosen);

}  // namespace switchboard::bench

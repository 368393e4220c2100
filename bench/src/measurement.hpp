// What was measured: one measurement per server, load and round, and what it says over the rounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "knee.hpp"
#include "statistics.hpp"
#include "tally.hpp"
#include "usage.hpp"

namespace switchboard::bench {

// A server under one load. Cells with equal load form a table.
struct Cell {
    std::string server;
    std::size_t size = 0;  // bytes per message
    std::size_t connections = 0;
    friend bool operator==(const Cell&, const Cell&) = default;
};
inline bool same_load(const Cell& a, const Cell& b) noexcept {
    return a.size == b.size && a.connections == b.connections;
}

// One round of one cell. Where nothing was served there is no time, no rate and no cost to speak of:
// the metrics below answer nullopt then, never a zero.
struct Measurement {
    std::string problem;  // why nothing was measured: it did not start, or it died; else empty
    std::size_t connected = 0;
    std::size_t answered = 0;  // connections that had a reply at all, before the window or in it
    std::size_t served = 0;    // connections with at least one whole reply within the window
    std::size_t stuck = 0;     // of these: without one in its second half, see Load::count_stuck()
    std::size_t held = 0;      // connections that there are, those beside it included
    std::uint64_t exchanges = 0;
    double seconds = 0;
    std::uint64_t latencies = 0;  // of which the percentiles are; also of those never answered
    double p50 = 0, p99 = 0, p999 = 0, max = 0;  // seconds
    CpuTime server_cpu;
    double generator_cpu = 0;     // CPU seconds
    double server_cpus = 1;       // that it can use at once
    std::optional<double> noise;  // see CpuNoise::share()
    std::size_t memory = 0;       // bytes, see read_memory()
    std::optional<Switches>
        switches;  // in the window, see the README; none where not all were seen
    std::optional<double> asked_rate;  // exchanges per second; none in a closed loop
    // Of an open loop: requests due in the window, those never answered, the 99th percentile counted from
    // the send, and how late the generator was in 99 of 100 cases (seconds).
    std::uint64_t due = 0, unanswered = 0;
    double uncorrected_p99 = 0, late_p99 = 0;
    std::size_t failed = 0;
    FailureCounts failures{};
    std::string first_failure;

    std::size_t wrong() const { return failures[static_cast<std::size_t>(Failure::wrong_bytes)]; }
};

struct CellRounds {
    Cell cell;
    std::vector<Measurement> rounds;  // of the rounds that were run; fewer after Ctrl-C
    Histogram latency = {};           // nanoseconds, of all rounds together
    std::vector<Knee> knees = {};     // of --find-knee: one for each round; without, none
};

// What can be said of a measurement as one number.
struct Metric {
    const char* name;  // in files
    bool more_is_better;
    std::optional<double> (*of)(const Measurement&);
    std::string (*text)(double);  // with its unit
};
extern const Metric kThroughput;                // exchanges per second
extern const Metric kP50, kP99, kP999, kMax;    // seconds
extern const Metric kCpu;                       // server CPU seconds per exchange, user and system
extern const Metric kVoluntary, kInvoluntary;   // context switches of the server per exchange
extern const Metric kMemory;                    // bytes
extern const Metric kUncorrectedP99, kLateP99;  // seconds, of an open loop; not among all_metrics()
const std::vector<const Metric*>& all_metrics();

// Of a percentile none at all where a round with replies has too few for it: the rounds with fewer are those
// in which the server was slow, and they are not to be left out.
Rounds rounds_of(const CellRounds& cell, const Metric& metric);
bool is_percentile(const Metric& metric) noexcept;
std::optional<Summary> summarize(const CellRounds& cell, const Metric& metric);
Rounds knee_rates(const CellRounds& cell);  // none in a round that did not find it

// To a base, paired round by round; the interval as median_interval() has it.
struct Ratio : Summary {
    std::optional<Interval> interval;
};
std::optional<Ratio> ratio(const Rounds& values, const Rounds& bases, std::uint64_t seed);
std::optional<Ratio> ratio(const CellRounds& cell, const CellRounds& base, const Metric& metric,
                           std::uint64_t seed);

// The part of kCpu that was in user space, in [0, 1], from all rounds together: one has too few ticks.
std::optional<double> user_share(const CellRounds& cell);

}  // namespace switchboard::bench

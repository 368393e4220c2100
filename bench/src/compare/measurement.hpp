// One measurement per server, load and round, and the figures over the rounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/statistics.hpp"
#include "compare/knee.hpp"
#include "load/tally.hpp"
#include "system/usage.hpp"

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

// One round of one cell. If nothing was served, there is no time, rate or cost: the metrics below return
// nullopt then, not zero.
struct Measurement {
    std::string problem;  // why nothing was measured: it did not start, or it died; else empty
    std::size_t connected = 0;
    std::size_t answered = 0;  // connections that had any reply, before the window or in it
    std::size_t served = 0;    // connections with at least one whole reply in the window
    std::size_t starved = 0;   // of these: no reply in its second half, see Load::count_starved()
    std::uint64_t exchanges = 0;
    double seconds = 0;
    std::uint64_t latencies = 0;  // in the percentiles; includes requests never answered
    double p50 = 0, p99 = 0, p999 = 0, max = 0;  // seconds
    CpuTime server_cpu;
    double generator_cpu = 0;     // CPU seconds
    double server_cpus = 1;       // that the server can use at once
    std::optional<double> noise;  // see CpuNoise::share()
    std::size_t memory = 0;       // bytes, see read_memory()
    // In the window, see the README; empty if not all threads were seen.
    std::optional<Switches> switches;
    std::optional<double> offered_rate;  // exchanges per second; empty in a closed loop
    // Open loop: requests due in the window, those never answered, the 99th percentile counted from the send,
    // and that of the generator's delay (seconds).
    std::uint64_t due = 0, unanswered = 0;
    double uncorrected_p99 = 0, send_delay_p99 = 0;
    std::size_t failed = 0;
    FailureCounts failures{};
    std::string first_failure;

    std::size_t wrong() const { return failures[static_cast<std::size_t>(Failure::wrong_bytes)]; }
};

struct CellRounds {
    Cell cell;
    std::vector<Measurement> rounds;  // the rounds that were run; fewer after Ctrl-C
    Histogram latency = {};           // nanoseconds, all rounds together
    std::vector<Knee> knees = {};     // of --find-knee: one per round; else empty
};

// A figure of a measurement, as one number.
struct Metric {
    const char* name;    // in files
    const char* column;  // of a CSV, with its unit
    bool more_is_better;
    std::optional<double> (*of)(const Measurement&);
    std::string (*text)(double);  // with its unit
    double negligible = 0;        // a figure below it counts as 0, and has no ratio
};
extern const Metric kThroughput;               // exchanges per second
extern const Metric kP50, kP99, kP999, kMax;   // seconds
extern const Metric kCpu;                      // server CPU seconds per exchange, user and system
extern const Metric kVoluntary, kInvoluntary;  // context switches of the server per exchange
extern const Metric kMemory;                   // bytes
// Seconds, of an open loop; not in all_metrics().
extern const Metric kUncorrectedP99, kSendDelayP99;
const std::vector<const Metric*>& all_metrics();

// A percentile has no values at all if a round with replies has too few for it: rounds with few replies are
// those in which the server was slow, and leaving them out would flatter it.
Rounds rounds_of(const CellRounds& cell, const Metric& metric);
bool is_percentile(const Metric& metric) noexcept;
std::optional<Summary> summarize(const CellRounds& cell, const Metric& metric);
Rounds knee_rates(const CellRounds& cell);  // no value for a round that did not find it

// The ratio to a base, paired round by round; the interval is that of median_interval().
struct Ratio : Summary {
    std::optional<Interval> interval;
};
std::optional<Ratio> ratio(const Rounds& values, const Rounds& bases, std::uint64_t seed);
std::optional<Ratio> ratio(const CellRounds& cell, const CellRounds& base, const Metric& metric,
                           std::uint64_t seed);

// The user space part of kCpu, in [0, 1], from all rounds together: a single round has too few ticks.
std::optional<double> user_share(const CellRounds& cell);

}  // namespace switchboard::bench

// What was measured: one measurement per server, load and round, and what it says over the rounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

// One round of one cell. Where nothing was served there is no time, no rate and no cost to speak of:
// the metrics below answer nullopt then, never a zero.
struct Measurement {
    std::string problem;  // why nothing was measured: it did not start, or it died; else empty
    std::size_t connected = 0;
    std::size_t answered = 0;  // connections that had a reply at all, before the window or in it
    std::size_t served = 0;    // connections with at least one whole reply within the window
    std::uint64_t exchanges = 0;
    double seconds = 0;
    double p50 = 0, p99 = 0, p999 = 0, max = 0;  // seconds
    CpuTime server_cpu;
    double generator_cpu = 0;  // CPU seconds
    std::size_t memory = 0;    // bytes, see read_memory()
    std::size_t failed = 0;
    FailureCounts failures{};
    std::string first_failure;

    std::size_t wrong() const { return failures[static_cast<std::size_t>(Failure::wrong_bytes)]; }
};

struct CellRounds {
    Cell cell;
    std::vector<Measurement> rounds;  // of the rounds that were run; fewer after Ctrl-C
};

// What can be said of a measurement as one number.
struct Metric {
    const char* name;  // in the JSON
    std::optional<double> (*of)(const Measurement&);
};
extern const Metric kThroughput;              // exchanges per second
extern const Metric kP50, kP99, kP999, kMax;  // seconds
extern const Metric kCpu;                     // server CPU seconds per exchange, user and system
extern const Metric kMemory;                  // bytes
const std::vector<const Metric*>& all_metrics();

Rounds rounds_of(const CellRounds& cell, const Metric& metric);
std::optional<Summary> summarize(const CellRounds& cell, const Metric& metric);
// Paired round by round.
std::optional<Summary> ratio(const CellRounds& cell, const CellRounds& base, const Metric& metric);

// The part of kCpu that was in user space, in [0, 1], from all rounds together: one has too few ticks.
std::optional<double> user_share(const CellRounds& cell);
// Whether every connection was served in every round, with no failure.
bool is_whole(const CellRounds& cell);
// Whether the generator, not the server, was what could do no more: its CPU busy above 90% of the
// window and more so than the server's, in the median round. Apart on two CPUs only.
bool is_generator_bound(const CellRounds& cell);
// What a reader must know of it, shortest first: "serves 4 of 100" (the others wait for ever),
// "replies to 40 of 100 within the window" (all are served, but more slowly than the window is
// long), "12 refused", "did not start: ...". Empty when there is nothing.
std::string notes_of(const CellRounds& cell);

}  // namespace switchboard::bench

// Writes the results of `switchboard-bench load` as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator/generator.hpp"
#include "system/usage.hpp"

namespace switchboard::bench {

// A part of a window.
struct LoadInterval {
    double at = 0;  // seconds from the window's opening to its end
    double throughput = 0;
    std::optional<double> p50, p99;  // seconds
    double max = 0;
};

struct LoadStep {
    double offered_rate = 0;  // 0: a closed loop
    std::size_t round = 1;
    LoadResult result;
    std::optional<double> server_cpu = {};  // CPU seconds in the window; with --server-pid
    double server_cpus = 1;                 // CPUs that the server can use at once
    double throttled = 0;                   // seconds that a CPU quota held processes back
    std::vector<LoadInterval> intervals = {};
};

struct LoadReport {
    LoadPlan plan;  // except for the rate, which each step has
    std::string command_line;
    std::vector<LoadStep> steps;
    std::size_t not_run = 0;  // steps left out after Ctrl-C
    std::size_t rounds = 1;   // of each rate
    bool shows_intervals = false;
};

// Remarks on a step, such as "rate not reached" and "3 refused"; may be empty.
std::vector<std::string> notes_of(const LoadReport& report, const LoadStep& step);
bool has_wrong_bytes(const LoadStep& step);

std::string to_text(const LoadReport& report);
std::string to_json(const LoadReport& report);

}  // namespace switchboard::bench

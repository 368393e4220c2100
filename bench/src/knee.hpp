// The highest rate at which a server keeps its objective. The search alone: what measures is given.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace switchboard::bench {

// What one rate came to.
struct Probe {
    double rate = 0;     // asked for
    double reached = 0;  // exchanges a second
    double latency = 0;  // seconds, at the objective's percentile
    // Nullopt where that can't be told: it did not, and for that the server is not to blame.
    std::optional<bool> holds = false;
    std::string why = {};  // it does not, or can't be told; empty where it does
};

struct Knee {
    double rate = 0;          // the highest that held; 0: none did
    std::string untold = {};  // why it was not found, be it higher than `rate`; empty: it was
    std::vector<Probe> probes = {};  // in the order they were made
    std::size_t wrong = 0;           // connections on which wrong bytes came back, in all of them

    // So did the ceiling, and it was not found: there may be more.
    bool is_at_ceiling() const { return !probes.empty() && rate == probes.front().rate; }
};

// Bisects (0, ceiling] until the highest rate that held and the lowest that did not are within
// `precision` of the ceiling. The ceiling is tried first. Where the one above the knee could not be told,
// the knee was not found. `measure` answers nullopt when it was interrupted, which ends the search with
// what it has.
Knee find_knee(double ceiling, double precision,
               const std::function<std::optional<Probe>(double rate)>& measure);

}  // namespace switchboard::bench

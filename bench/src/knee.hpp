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
    bool holds = false;
    std::string why = {};   // it does not; empty where it does
    std::size_t wrong = 0;  // connections on which wrong bytes came back
};

struct Knee {
    double rate = 0;             // the highest that held; 0: none did
    bool is_at_ceiling = false;  // so did the ceiling: there may be more
    std::vector<Probe> probes;   // in the order they were made
};

// Bisects (0, ceiling] until the highest rate that held and the lowest that did not are within
// `precision` of the ceiling. `measure` answers nullopt when it was interrupted, which ends the search
// with what it has. The ceiling is tried first.
Knee find_knee(double ceiling, double precision,
               const std::function<std::optional<Probe>(double rate)>& measure);

}  // namespace switchboard::bench

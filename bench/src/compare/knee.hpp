// The highest rate at which a server keeps an objective: `compare --find-knee --slo`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::bench {

// A service level objective: so many percent of the replies arrive within so much time.
struct Slo {
    double percent = 99;
    double seconds = 0;
    std::string text;  // as it was given
};

// Parses "pN<TIME" with N in (0, 100), such as p99.9, or "max<TIME". The time is in us, ms or s.
// errc::bad_option names the mistake.
Result<Slo> parse_slo(const std::string& text);

// The result at one rate.
struct Probe {
    double rate = 0;     // requested
    double reached = 0;  // exchanges a second
    double latency = 0;  // seconds, at the objective's percentile
    // Nullopt if this cannot be decided: it did not hold, but not because of the server.
    std::optional<bool> holds = false;
    std::string why = {};  // why it does not hold, or cannot be decided; else empty
};

struct Knee {
    double rate = 0;  // the highest that held; 0: none
    // Why the knee was not found: it may be above `rate`. Empty if it was found.
    std::string why_not_found = {};
    std::vector<Probe> probes = {};  // in the order of the measurements
    std::size_t wrong = 0;           // connections that got wrong bytes, in all probes

    // Even the ceiling held, so the knee was not found: it may be higher.
    bool is_at_ceiling() const { return !probes.empty() && rate == probes.front().rate; }
};

// Bisects (0, ceiling] until the highest rate that held and the lowest that did not are within `precision` of
// the ceiling. The ceiling is tried first. If the rate above the knee could not be decided, the knee was not
// found. If `measure` returns nullopt, it was interrupted, and the search ends with what it has.
Knee find_knee(double ceiling, double precision,
               const std::function<std::optional<Probe>(double rate)>& measure);

}  // namespace switchboard::bench

// `compare --find-knee`: the highest rate at which each server keeps an objective.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cell_run.hpp"
#include "knee.hpp"
#include "slo.hpp"
#include "table.hpp"

namespace switchboard::bench {

// The searches for one server under one load, one a round.
struct KneeCell {
    Cell cell;
    std::vector<Knee> rounds;
};

// Searches up to `ceiling`, which is what the server did in a closed loop of the same connections: more it
// does not do. A rate is measured until two of three windows agree. Ends early where `interrupted`.
Knee search_knee(const CompareOptions& options, const Cell& cell, const CpuPlan& cpus,
                 double ceiling);

// What one window at `rate` says of the objective.
Probe judge_probe(const Slo& slo, double rate, const Measured& measured);

// The knees over the rounds; none where no search was made.
std::optional<Summary> summarize(const KneeCell& cell);

}  // namespace switchboard::bench

// `compare --find-knee`: the highest rate at which each server keeps an objective.
#pragma once

#include "cell_run.hpp"
#include "knee.hpp"
#include "slo.hpp"

namespace switchboard::bench {

// Searches up to `ceiling`, which is what the server did in a closed loop of the same connections: more it
// does not do. A rate is measured until two of three windows agree. Ctrl-C ends it early.
Knee search_knee(const CompareOptions& options, const Cell& cell, const CpuPlan& cpus,
                 double ceiling);

// What one window at `rate` says of the objective.
Probe judge_probe(const Slo& slo, double rate, const Measured& measured);

}  // namespace switchboard::bench

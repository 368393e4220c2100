// `compare --find-knee`: the highest rate at which each server keeps an objective.
#pragma once

#include <functional>
#include <optional>

#include "cell_run.hpp"
#include "knee.hpp"
#include "slo.hpp"

namespace switchboard::bench {

// Searches up to what the server did in `closed_loop`, one round with the same connections: more it does
// not do. A rate is measured until two of three windows agree; of one that others disturb again and again
// nothing can be told. Ctrl-C ends it early. Not found where it did not serve all in the closed loop.
Knee search_knee(const CompareOptions& options, const CellRounds& closed_loop, const CpuPlan& cpus);

// What a window says, and how much of the CPUs others used in it.
struct Window {
    Probe probe;
    std::optional<double> noise;  // see CpuNoise::share()
};

// What the second of two windows says that agree; one in which others used more than `most_noise` is measured
// again, and of five of them nothing can be told. So it is of a window that cannot be judged. Nullopt where
// `measure` says so: it was interrupted.
std::optional<Probe> settle_probe(double most_noise,
                                  const std::function<std::optional<Window>()>& measure);

// What one window at `rate` with so many connections says of the objective.
Probe judge_probe(const Slo& slo, double rate, std::size_t connections, const Measured& measured);

}  // namespace switchboard::bench

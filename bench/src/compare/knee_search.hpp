// The search for the highest rate at which each server keeps an objective: `compare --find-knee`.
#pragma once

#include <functional>
#include <optional>

#include "compare/knee.hpp"
#include "compare/run_cell.hpp"

namespace switchboard::bench {

// Searches up to the rate of `closed_loop`, one round with the same connections, which the server cannot
// exceed. A rate is measured until two of three windows agree; if other processes disturb it again and again,
// it is undecided. Ctrl-C ends the search early. The knee is not found if the closed loop did not serve all.
Knee search_knee(const Experiment& experiment, const CellRounds& closed_loop, const CpuPlan& cpus);

// The result of one window, and how much of the CPUs other processes used in it.
struct Window {
    Probe probe;
    std::optional<double> noise;  // see CpuNoise::share()
};

// Measures a rate until two windows agree, and returns the second of them. A window in which other processes
// used more than `most_noise` is measured again; after five of them, or one that cannot be judged, the result
// is unknown. Nullopt when `measure` was interrupted.
std::optional<Probe> repeat_probe(double most_noise,
                                  const std::function<std::optional<Window>()>& measure);

// Judges one window at `rate` with so many connections by the objective.
Probe evaluate_probe(const Slo& slo, double rate, std::size_t connections, const CellRun& measured);

}  // namespace switchboard::bench

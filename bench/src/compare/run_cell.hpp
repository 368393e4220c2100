// Measures one server under one load, once.
#pragma once

#include <chrono>
#include <cstdint>

#include "compare/experiment.hpp"
#include "compare/measurement.hpp"
#include "generator/generator.hpp"
#include "system/cpus.hpp"

namespace switchboard::bench {

// Everything except the target. Arrivals of an open loop are the same for all servers in a `round`, and
// differ between rounds.
LoadPlan plan_for(const Experiment& experiment, const Cell& cell, std::size_t round);

// The readings of a server under load.
struct Readings {
    CpuTime idle;                      // when all were connected
    CpuTime before, after;             // at the edges of the window
    CpuTime rest;                      // when no reply is awaited any more
    std::optional<Switches> switches;  // from idle to rest
    std::size_t memory_idle = 0;       // bytes
    std::size_t memory_rest = 0;

    CpuTime used() const { return after - before; }
};

// The CPU seconds of server and generator while the noise was measured.
double own_cpu(const LoadResult& load, const Readings& readings);

// The figures of the window, without the noise and what depends on where the server ran. From counts over a
// longer time it takes the window's part: of context switches by CPU time, and of CPU time if an open loop
// noticed the window's end late.
Measurement figures_of(const LoadPlan& plan, const LoadResult& load, const Readings& readings);

// Of a server that can use `most` CPUs: those it could have had. Spread, it shares one with the generator.
double cpus_free(const CpuPlan& cpus, const Measurement& figures, std::size_t most);

struct CellRun {
    Measurement figures;
    Histogram latency;  // nanoseconds; of the window
};

// Starts the server, puts it under the load of `cell`, and stops it. This thread is the generator, and is
// already pinned. A failure is the measurement's `problem`. Arrivals of an open loop are the same for all
// servers in a `round`, and differ between rounds.
CellRun measure_cell(const Experiment& experiment, const Cell& cell, const CpuPlan& cpus,
                     std::size_t round);

// Returns the steps for the protocol `reply` (see do_work()), tried out on this thread's CPU in some 20 ms.
// The fastest of several tries counts, because other work of the machine slows the rest. 0 for a time of 0.
std::uint64_t calibrate(std::chrono::microseconds work);

}  // namespace switchboard::bench

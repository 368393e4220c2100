// What of the measurement of a cell needs no server: its plan, and its figures from what was read.
#pragma once

#include "compare_options.hpp"
#include "cpus.hpp"
#include "generator.hpp"
#include "measurement.hpp"

namespace switchboard::bench {

// All but the target. Arrivals of an open loop are the same for all servers in a `round`, and others in
// another.
LoadPlan plan_for(const CompareOptions& options, const Cell& cell, std::size_t round);

// What was read of a server under load.
struct Readings {
    CpuTime idle;                      // when all were connected
    CpuTime before, after;             // at the edges of the window
    CpuTime rest;                      // when nothing was waited for any more
    std::optional<Switches> switches;  // from idle to rest
    std::size_t memory_idle = 0;       // bytes
    std::size_t memory_rest = 0;

    CpuTime used() const { return after - before; }
};

// Of what ran while the noise was measured, CPU seconds.
double own_cpu(const LoadResult& load, const Readings& readings);

// The figures of the window, but for the noise and for what depends on where the server ran. Of what was
// counted over a longer time it has the window's part: of context switches by CPU time, of CPU time where
// an open loop was late to see the window's end.
Measurement figures_of(const LoadPlan& plan, const LoadResult& load, const Readings& readings);

// Of a server that can use `most` CPUs: those it might have had. Spread, it shares one with the generator.
double cpus_free(const CpuPlan& cpus, const Measurement& figures, std::size_t most);

}  // namespace switchboard::bench

// One server under one load, once.
#pragma once

#include "compare_options.hpp"
#include "cpus.hpp"
#include "measurement.hpp"

namespace switchboard::bench {

struct Measured {
    Measurement figures;
    Histogram latency;  // nanoseconds; of the window
};

// Starts the server, puts it under the load of `cell`, and stops it. This thread is the generator, and is
// pinned already. What goes wrong is the measurement's problem. Arrivals of an open loop are the same for
// all servers in a `round`, and others in another.
Measured measure_cell(const CompareOptions& options, const Cell& cell, const CpuPlan& cpus,
                      std::size_t round);

}  // namespace switchboard::bench

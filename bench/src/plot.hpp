// The plots of a comparison: what is drawn, of which cells, and in which colours. Only valid
// cells are drawn.
#pragma once

#include <vector>

#include "gnuplot.hpp"
#include "results.hpp"

namespace switchboard::bench {

// For messages of one size: throughput, p99, CPU time per exchange and memory per connection over the
// number of connections, lines through the medians with bars from the lowest round to the highest. With
// one number of connections there is nothing to go over: then each has a bar for each server, and CPU
// is left to plot_cpu().
std::vector<Plot> plots_over_connections(const Results& results, std::size_t size);

// For one load (its server is not looked at): latency over the percentile, of all rounds together, with
// bars from the lowest round to the highest at p50, p99 and p99.9. Empty where nothing has a latency.
Plot plot_latency(const Results& results, const Cell& load);

// For one load: the server's CPU time per exchange, user and system, a bar for each server.
Plot plot_cpu(const Results& results, const Cell& load);

}  // namespace switchboard::bench

// Plots by gnuplot, as SVG to put into a page.
#pragma once

#include <string>
#include <switchboard/error.hpp>

#include "results.hpp"

namespace switchboard::bench {

struct PlotAxis {
    const Metric* metric;
    double scale;  // what the metric is multiplied with
    std::string title;
    std::string label;  // with its unit
};

// The metric over the number of connections for one message size: a line per server through the
// medians, with bars from the lowest round to the highest. Empty when there is nothing to plot.
// Errors: gnuplot is not installed, or did not like its input.
Result<std::string> plot_over_connections(const Results& results, std::size_t size,
                                          const PlotAxis& axis);

}  // namespace switchboard::bench

// Plots with a bar for each server.
#pragma once

#include "plot_parts.hpp"

namespace switchboard::bench {

// For one load: bars from zero to the median, with the lowest and the highest round; empty where no
// valid cell has the quantity.
Plot bars_of(const Results& results, const Cell& load, const Quantity& quantity);

}  // namespace switchboard::bench

// A comparison in a sentence for each load.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace switchboard::bench {

std::string connections_text(std::size_t connections);  // "1 connection", "10,000 connections"

// For each load which of the valid servers had the highest rate (where a rate was asked for: had the lowest
// p99), and of which others no difference to it was seen; or that there are too few rounds to tell, or
// nothing valid.
std::vector<std::string> summary_of(const Results& results);

}  // namespace switchboard::bench

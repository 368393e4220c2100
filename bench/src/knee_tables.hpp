// What --find-knee found, for people.
#pragma once

#include <vector>

#include "results.hpp"

namespace switchboard::bench {

// The highest rates, each beside the baseline's; and where there were several numbers of connections, the
// fewest of them that come to nearly the highest of these.
std::vector<Table> knee_tables(const Results& results);

}  // namespace switchboard::bench

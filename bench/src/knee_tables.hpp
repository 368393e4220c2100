// What --find-knee found, for people.
#pragma once

#include <vector>

#include "results.hpp"

namespace switchboard::bench {

// The highest rates, each beside the baseline's; and where there were several numbers of connections, the
// fewest of them that come to nearly the highest of these.
std::vector<Table> knee_tables(const Results& results);

// Of the cells of one server and size the one with the fewest connections whose knee is at least kNearly of
// the highest; null where none was found.
inline constexpr double kNearly = 0.95;
const CellRounds* fewest_connections(const std::vector<const CellRounds*>& cells);

}  // namespace switchboard::bench

// Which cell is measured when.
#pragma once

#include <random>
#include <vector>

#include "compare_options.hpp"
#include "measurement.hpp"

namespace switchboard::bench {

// By size, then connections, then server, as in the options.
std::vector<Cell> all_cells(const CompareOptions& options);

// In each round all loads in an order of its own, and under each all servers in one of their own, one after
// another: what is compared stands close in time, and nobody is always first. The same for the same seed.
class MeasuringOrder {
public:
    explicit MeasuringOrder(const CompareOptions& options);
    std::vector<Cell> next_round();

private:
    std::vector<Cell> loads_;  // without a server
    std::vector<std::string> servers_;
    std::mt19937_64 random_;
};

}  // namespace switchboard::bench

#include "measuring_order.hpp"

#include <algorithm>

namespace switchboard::bench {
namespace {

std::vector<Cell> all_loads(const CompareOptions& options) {
    std::vector<Cell> loads;
    for (const std::size_t size : options.sizes) {
        for (const std::size_t connections : options.connections)
            loads.push_back({"", size, connections});
    }
    return loads;
}

void add_cells(std::vector<Cell>& cells, Cell load, const std::vector<std::string>& servers) {
    for (const std::string& server : servers) {
        load.server = server;
        cells.push_back(load);
    }
}

}  // namespace

std::vector<Cell> all_cells(const CompareOptions& options) {
    std::vector<Cell> cells;
    for (const Cell& load : all_loads(options)) add_cells(cells, load, options.servers);
    return cells;
}

MeasuringOrder::MeasuringOrder(const CompareOptions& options)
    : loads_(all_loads(options)), servers_(options.servers), random_(options.seed) {}

std::vector<Cell> MeasuringOrder::next_round() {
    std::vector<Cell> cells;
    std::shuffle(loads_.begin(), loads_.end(), random_);
    for (const Cell& load : loads_) {
        auto servers = servers_;
        std::shuffle(servers.begin(), servers.end(), random_);
        add_cells(cells, load, servers);
    }
    return cells;
}

}  // namespace switchboard::bench

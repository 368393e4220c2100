#include "compare/experiment.hpp"

#include <algorithm>

#include "base/find.hpp"

namespace switchboard::bench {

using std::chrono::milliseconds;

std::optional<ServerKind> Experiment::server(std::string_view name) const {
    const ServerKind* const own = find_by(own_servers, name, &ServerKind::name);
    return own != nullptr ? *own : find_server_kind(name);
}

Cpus Experiment::cpus() const {
    if (spread) return Cpus::spread;
    return same_core ? Cpus::shared : Cpus::apart;
}

milliseconds Experiment::warm_up() const {
    return std::clamp(duration / 4, milliseconds(100), milliseconds(500));
}

milliseconds Experiment::quiet_period() const {
    return std::clamp(duration / 2, milliseconds(300), milliseconds(1'000));
}

std::vector<Cell> all_loads(const Experiment& experiment) {
    std::vector<Cell> loads;
    for (const std::size_t size : experiment.sizes) {
        for (const std::size_t connections : experiment.connections)
            loads.push_back({"", size, connections});
    }
    return loads;
}

namespace {

void add_cells(std::vector<Cell>& cells, Cell load, const std::vector<std::string>& servers) {
    for (const std::string& server : servers) {
        load.server = server;
        cells.push_back(load);
    }
}

}  // namespace

std::vector<Cell> all_cells(const Experiment& experiment) {
    std::vector<Cell> cells;
    for (const Cell& load : all_loads(experiment)) add_cells(cells, load, experiment.servers);
    return cells;
}

RandomOrder::RandomOrder(const Experiment& experiment)
    : loads_(all_loads(experiment)), servers_(experiment.servers), random_(experiment.seed) {}

std::vector<Cell> RandomOrder::next_round() {
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

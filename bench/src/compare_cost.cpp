#include "compare_cost.hpp"

#include <algorithm>
#include <set>

#include "progress.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;

CountedExchange count_exchange(const CostCase& what) {
    if (serves_one_at_a_time(what.server) && what.connections > 1) {
        return {what, std::nullopt, "serves one connection at a time"};
    }
    const auto cost = measure_cost(what);
    if (!cost) return {what, std::nullopt, cost.error().message()};
    return {what, *cost, {}};
}

CountedIdle count_idle(const std::string& server, std::size_t size) {
    if (serves_one_at_a_time(server) || is_pool(server)) {
        return {server, kIdleCounted, std::nullopt, "serves as many connections as it has workers"};
    }
    const auto bytes = measure_idle_bytes(server, kIdleCounted, size);
    if (!bytes) return {server, kIdleCounted, std::nullopt, bytes.error().message()};
    return {server, kIdleCounted, *bytes, {}};
}

}  // namespace

std::vector<CostCase> cost_cases(const CompareOptions& options) {
    std::set<std::size_t> connections;
    for (const std::size_t count : options.connections) {
        connections.insert(std::min(count, kMostCounted));
    }
    std::vector<CostCase> cases;
    for (const std::size_t size : options.sizes) {
        if (size > kMostBytes) continue;
        for (const std::size_t count : connections) {
            for (const std::string& server : options.servers) {
                cases.push_back({server, count, size});
            }
        }
    }
    return cases;
}

Counted count_costs(const CompareOptions& options, const std::function<bool()>& interrupted) {
    const auto cases = cost_cases(options);
    const auto smallest = std::min_element(options.sizes.begin(), options.sizes.end());
    Counted counted;
    Progress progress(cases.size() + options.servers.size());
    for (const CostCase& what : cases) {
        if (interrupted()) return counted;
        progress.begin("counting " + what.server);
        counted.exchanges.push_back(count_exchange(what));
        progress.end();
    }
    for (const std::string& server : options.servers) {
        if (interrupted()) return counted;
        progress.begin("memory of " + server);
        counted.idle.push_back(count_idle(server, std::min(*smallest, kMostBytes)));
        progress.end();
    }
    progress.milestone("counted");
    return counted;
}

}  // namespace switchboard::bench

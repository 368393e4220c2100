// What `compare --cost` counts beside what it times: the same on every machine, whatever else it does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compare_options.hpp"
#include "cost.hpp"

namespace switchboard::bench {

// Where it could not be counted there is no figure, and `problem` says why.
struct CountedExchange {
    CostCase what;
    std::optional<Cost> cost;
    std::string problem;
};

struct CountedIdle {
    std::string server;
    std::size_t connections = 0;
    std::optional<double> bytes;  // of user memory for each connection
    std::string problem;
};

struct Counted {
    std::vector<CountedExchange> exchanges;
    std::vector<CountedIdle> idle;
};

// Connections beyond this are counted as this many: an exchange costs no less with more, and under
// valgrind a thread or process for each takes long.
inline constexpr std::size_t kMostCounted = 100;
// For the memory: it comes in pages of 4 KiB, so that fewer would not tell bytes.
inline constexpr std::size_t kIdleCounted = 1'000;

// The cases to count for these options: each server under each size up to 64 KiB, the most that a
// server under these tools is given, and number of connections.
std::vector<CostCase> cost_cases(const CompareOptions& options);

// Some ten seconds for each case. Says on stderr how far it is; stops when `interrupted`, with what
// there is by then.
Counted count_costs(const CompareOptions& options, const std::function<bool()>& interrupted);

}  // namespace switchboard::bench

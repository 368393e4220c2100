// Short connections, one after another: connect, one echo, close.
#pragma once

#include <switchboard/endpoint.hpp>

#include <generator/group.hpp>

#include "once.hpp"

namespace switchboard::bench {

struct ChurnPlan {
    Endpoint target;
    std::size_t connections = 1;  // in total
    std::size_t parallel = 1;     // at the same time
    std::size_t size = 64;        // bytes of the echo
};

struct ChurnResult {
    OnceTally tally;
    double seconds = 0;
    double cpu_seconds = 0;  // of this thread
    double rate() const { return static_cast<double>(tally.answered) / seconds; }
    double cpu_share() const { return cpu_seconds / seconds; }
};

// Blocks this thread until all connections are closed. The client closes first, with a FIN, as clients do. So
// each port stays in TIME_WAIT for a minute. One source address has at most 28,000 ports for a peer, so
// several addresses take turns. An exchange or a connect that takes ten seconds has failed.
ChurnResult run_churn(const ChurnPlan& plan);

}  // namespace switchboard::bench

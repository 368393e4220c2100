// Short connections, one after another: connect, one echo, close.
#pragma once

#include <switchboard/endpoint.hpp>

#include "once.hpp"

namespace switchboard::bench {

struct ChurnPlan {
    Endpoint target;
    std::size_t connections = 1;  // in all
    std::size_t parallel = 1;     // at once
    std::size_t size = 64;        // bytes of the echo
};

struct ChurnResult {
    OnceTally tally;
    double seconds = 0;
    double cpu_seconds = 0;  // of this thread
    double rate() const { return static_cast<double>(tally.answered) / seconds; }
    double cpu_share() const { return cpu_seconds / seconds; }
};

// The n-th of the source addresses a load takes turns with: 127.0.0.1 to 127.0.0.250.
Endpoint source_address(std::size_t n);

// Blocks this thread until all are closed. The client closes first, as clients do, with a FIN, so that
// each port stays in TIME_WAIT for a minute; the source addresses take turns, because one has no more
// than 28,000 ports for a peer. An exchange or a connect that takes ten seconds has failed.
ChurnResult run_churn(const ChurnPlan& plan);

}  // namespace switchboard::bench

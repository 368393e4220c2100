// Holds many connections in a child process, because one process has too few descriptors for all.
#pragma once

#include <sys/types.h>
#include <array>
#include <chrono>
#include <switchboard/endpoint.hpp>

#include "once.hpp"

namespace switchboard::bench {

struct CrowdPlan {
    Endpoint target;
    std::size_t connections = 1;
    std::size_t first = 0;  // number of the first connection, counted over all processes
    std::size_t size = 64;  // bytes of the echo
};

// A child of this process, which must have a single thread. It makes all connections at the start, with
// source addresses that take turns, and then waits for commands. It ends with its parent or with this object.
class Crowd {
public:
    static Result<Crowd> start(const CrowdPlan& plan);
    Crowd(Crowd&& other) noexcept;
    Crowd& operator=(Crowd&&) = delete;
    ~Crowd();  // closes its connections

    // Tells the child to make one echo on every connection. Call it at most once.
    Result<void> ask();
    // Waits until the connects or the echoes are done, at most until `deadline`, and returns their tally.
    Result<OnceTally> report(std::chrono::steady_clock::time_point deadline);

private:
    Crowd() = default;

    pid_t pid_ = -1;
    int commands_ = -1, reports_ = -1;  // pipes
};

}  // namespace switchboard::bench

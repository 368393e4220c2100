// A load of connections that are held, in a process of its own: one has no descriptors for all.
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
    std::size_t first = 0;  // number of the first, of all processes' connections
    std::size_t size = 64;  // bytes of the echo
};

// A child of this process, which must have one thread only. It connects all from the start, from
// addresses that take turns; then it does what it is told. It ends with its parent, or with this.
class Crowd {
public:
    static Result<Crowd> start(const CrowdPlan& plan);
    Crowd(Crowd&& other) noexcept;
    Crowd& operator=(Crowd&&) = delete;
    ~Crowd();  // closes its connections

    // Has every connection echo once. Once for each start().
    Result<void> ask();
    // Of what it is doing: waits until it is over, at most until `deadline`.
    Result<OnceTally> report(std::chrono::steady_clock::time_point deadline);

private:
    Crowd() = default;

    pid_t pid_ = -1;
    int commands_ = -1, reports_ = -1;  // pipes
};

}  // namespace switchboard::bench

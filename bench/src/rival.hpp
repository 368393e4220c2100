// The load generator that is written by hand, peers/epoll_load.c: what `load` is measured against.
#pragma once

#include <chrono>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>

namespace switchboard::bench {

struct RivalPlan {
    Endpoint target;
    std::size_t connections;
    std::size_t size;  // bytes per message
    std::chrono::seconds duration;
};

// Runs it on this thread's CPU, in a closed loop of depth 1: its exchanges a second. Fails where it is
// missing, or says that something went wrong; the message has what it wrote.
Result<double> run_rival(const RivalPlan& plan);

}  // namespace switchboard::bench

// How many steps of arithmetic take a given time on this machine.
#pragma once

#include <chrono>
#include <cstdint>

namespace switchboard::bench {

// Of the protocol `reply` (see do_work()), on this thread's CPU, tried out in some 20 ms; the fastest of
// several tries, for what else the machine does is not the work's. 0 for a time of 0.
std::uint64_t steps_of(std::chrono::microseconds work);

}  // namespace switchboard::bench

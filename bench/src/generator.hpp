// The load generator: many clients on one reactor, through the phases of one measurement.
#pragma once

#include <chrono>
#include <functional>
#include <switchboard/endpoint.hpp>

#include "echo_load.hpp"

namespace switchboard::bench {

struct LoadPlan {
    Endpoint target;
    std::size_t connections = 1;
    std::size_t size = 64;                      // bytes per message
    std::size_t depth = 1;                      // messages under way per connection
    std::chrono::milliseconds settle{1'000};    // how long nothing may happen before it goes on
    std::chrono::milliseconds warm_up{200};     // under load, thrown away
    std::chrono::milliseconds duration{2'000};  // the window that is measured
};

// What the caller does at the edges of the window. The generator does nothing else meanwhile, so
// the server falls idle soon after: what they read is not moving much.
struct LoadHooks {
    std::function<void()> all_connected = [] {};  // and idle; may take its time
    std::function<void()> window_opens = [] {};   // must be quick
    std::function<void()> window_closes = [] {};
    std::function<bool()> interrupted = [] { return false; };  // asked every 50 ms
};

struct LoadResult {
    Tally tally;
    double seconds = 0;      // of the window, measured
    double cpu_seconds = 0;  // of this process in the window
    bool interrupted = false;
};

// Connects all, waits until each has had one reply (or nothing has happened for `settle`: some
// servers never serve them all), puts all under load, warms up, measures, resets the connections
// (so that no port is left in TIME_WAIT) and returns. Blocks this thread for all that time.
LoadResult run_load(const LoadPlan& plan, const LoadHooks& hooks = {});

}  // namespace switchboard::bench

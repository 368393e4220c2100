// The load generator: many clients on one reactor, through the phases of one measurement.
#pragma once

#include <chrono>
#include <functional>
#include <switchboard/endpoint.hpp>
#include <vector>

#include "generator/group.hpp"
#include "load/arrivals.hpp"

namespace switchboard::bench {

struct LoadPlan {
    Endpoint target;
    GroupPlan group;                    // the measured load
    std::vector<GroupPlan> background;  // loads beside it, connected before it
    double rate = 0;                    // requests a second in an open loop; 0: closed loop
    Arrivals arrivals = Arrivals::constant;
    std::uint64_t seed = 1;                         // of the arrivals
    std::chrono::milliseconds quiet_period{1'000};  // ends the wait if nothing happens for so long
    std::chrono::milliseconds warm_up{200};         // under load, discarded
    std::chrono::milliseconds duration{2'000};      // the measured window
    // Closed loop: the window ends early with so many exchanges.
    std::uint64_t exchanges = Load::kNoEnd;
    // How long to wait for unanswered requests after the window.
    std::chrono::milliseconds patience{10'000};
};

// Called by the generator, which does nothing else meanwhile. At the edges of the window they must be quick:
// what arrives then waits, which in an open loop is part of the latencies.
struct LoadHooks {
    std::function<void()> all_connected = [] {};  // and idle; may take time
    std::function<void()> window_opens = [] {};
    std::function<void()> window_closes = [] {};
    // After a window, when no reply is awaited and all are still connected. May take time.
    std::function<void()> at_rest = [] {};
    // Called every 50 ms. The tally is that of the window once it is open.
    std::function<bool(const Tally&)> interrupted = [](const Tally&) { return false; };
};

struct LoadResult {
    Tally tally;
    std::vector<Tally> background;  // like LoadPlan::background
    double seconds = 0;             // measured length of the window
    // From window_opens to window_closes: longer if an open loop noticed the window's end late.
    double lasted = 0;
    double cpu_seconds = 0;   // of this process in that time
    std::uint64_t bytes = 0;  // sent and received in that time
    Histogram lateness;       // of an open loop, in the window: see Pacer
    // The last connection ended before the window did, which ended with it, or before the window opened.
    bool abandoned = false;
    bool interrupted = false;  // the results until then, if the window was open
};

// Connects all, waits until each has had a reply (or nothing has happened for `quiet_period`: some servers
// never serve them all), starts the load, warms up, measures, resets the connections (so that no port is left
// in TIME_WAIT) and returns. If none could connect, there is no window. Blocks this thread meanwhile. Fails
// with errc::bad_option for an invalid plan, and if the system has no loop or timer.
Result<LoadResult> run_load(const LoadPlan& plan, const LoadHooks& hooks = {});

std::size_t all_connections(const LoadPlan& plan);  // including the background

// Fails if run_load() would refuse the plan.
Result<void> check(const LoadPlan& plan);

}  // namespace switchboard::bench

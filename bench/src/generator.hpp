// The load generator: many clients on one reactor, through the phases of one measurement.
#pragma once

#include <chrono>
#include <functional>
#include <switchboard/endpoint.hpp>
#include <vector>

#include "load_group.hpp"
#include "schedule.hpp"

namespace switchboard::bench {

struct LoadPlan {
    Endpoint target;
    GroupPlan group;                // what is measured
    std::vector<GroupPlan> beside;  // what goes on beside it, and is connected before
    double rate = 0;                // requests a second of an open loop; 0: a closed loop
    Arrivals arrivals = Arrivals::constant;
    std::uint64_t seed = 1;                     // of the arrivals
    std::chrono::milliseconds settle{1'000};    // how long nothing may happen before it goes on
    std::chrono::milliseconds warm_up{200};     // under load, thrown away
    std::chrono::milliseconds duration{2'000};  // the window that is measured
    // Or until so many exchanges have been made, if that is before. Of a closed loop.
    std::uint64_t exchanges = Load::kNoEnd;
    // Of an open loop: how long what is still unanswered at the window's end is waited for.
    std::chrono::milliseconds patience{10'000};
};

// What the caller does meanwhile. The generator does nothing else in it, so at the edges of the window it
// must be quick: what comes then waits, and of an open loop that is part of the latencies.
struct LoadHooks {
    std::function<void()> all_connected = [] {};  // and idle; may take its time
    std::function<void()> window_opens = [] {};
    std::function<void()> window_closes = [] {};
    // After the window, if there was one, when nothing is waited for any more, and all are still connected.
    // May take its time.
    std::function<void()> at_rest = [] {};
    // Asked every 50 ms. The tally is that of the window, once it is open.
    std::function<bool(const Tally&)> interrupted = [](const Tally&) { return false; };
};

struct LoadResult {
    Tally tally;
    std::vector<Tally> beside;        // as LoadPlan::beside
    std::uint64_t exchange_size = 0;  // see Workload
    double seconds = 0;               // of the window, measured
    // From window_opens to window_closes: longer where an open loop was late to see its end.
    double lasted = 0;
    double cpu_seconds = 0;    // of this process in all of that
    Histogram lateness;        // of an open loop, in the window: see Pacer
    bool interrupted = false;  // then what there is until then, if the window was open
};

// Connects all, waits until each has had one reply (or nothing has happened for `settle`: some
// servers never serve them all), puts all under load, warms up, measures, resets the connections
// (so that no port is left in TIME_WAIT) and returns. Where none could connect there is no window.
// Blocks this thread for all that time. Fails with errc::bad_option for a plan that makes no sense, and
// where the system has no loop or timer.
Result<LoadResult> run_load(const LoadPlan& plan, const LoadHooks& hooks = {});

std::size_t all_connections(const LoadPlan& plan);  // those beside it, too

// What run_load() would refuse.
Result<void> check(const LoadPlan& plan);

}  // namespace switchboard::bench

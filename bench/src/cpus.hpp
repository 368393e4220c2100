// Which CPU runs what. Linux only (man 2 sched_setaffinity).
#pragma once

#include <switchboard/error.hpp>

namespace switchboard::bench {

struct CpuPlan {
    int server = 0;
    int generator = 0;
    bool shared() const noexcept { return server == generator; }
};

// The first two CPUs this process may use: the first is the server's, the second the generator's.
// They share the first where there is no second, or where `same_core` asks for it.
Result<CpuPlan> plan_cpus(bool same_core);

// Pins the calling thread; threads and processes that it makes later are pinned with it.
Result<void> pin_to(int cpu);

}  // namespace switchboard::bench

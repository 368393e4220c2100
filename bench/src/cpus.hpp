// Which CPU runs what. Linux only (man 2 sched_setaffinity).
#pragma once

#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::bench {

struct CpuPlan {
    int server = 0;
    int generator = 0;
    std::vector<int> all = {};  // of the server, if it is spread over all there are; else empty
    bool shared() const noexcept { return server == generator; }
    bool spread() const noexcept { return !all.empty(); }
    // Where the server runs.
    std::vector<int> of_server() const { return spread() ? all : std::vector<int>{server}; }
};

// Apart: the first CPU that this process may use is the server's, the second the generator's. They share
// the first where there is no second, or where it is asked for. Spread, the server has all, and so
// shares one with the generator: for what takes much of the server and little of the generator.
enum class Cpus { apart, shared, spread };
Result<CpuPlan> plan_cpus(Cpus how);

// Pins the calling thread; threads and processes that it makes later are pinned with it.
Result<void> pin_to(const std::vector<int>& cpus);
Result<void> pin_to(int cpu);

}  // namespace switchboard::bench

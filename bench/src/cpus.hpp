// Which CPU runs what. Linux only (man 2 sched_setaffinity).
#pragma once

#include <optional>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::bench {

struct CpuPlan {
    int server = 0;
    int generator = 0;
    std::vector<int> all = {};  // of the server, if it is spread over all there are; else empty
    // Whether server and generator are two threads of it, and slow each other down; none where the
    // system does not tell.
    std::optional<bool> one_core = false;
    bool shared() const noexcept { return server == generator; }
    bool spread() const noexcept { return !all.empty(); }
    // Where the server runs.
    std::vector<int> of_server() const { return spread() ? all : std::vector<int>{server}; }
    std::vector<int> used() const;  // each once
};

// Apart: the first CPU that this process may use is the server's, the generator's the first of another
// core, or where there is none the second. They share the first where there is no second, or where it is
// asked for. Spread, the server has all, and so shares one with the generator: for what takes much of the
// server and little of the generator.
enum class Cpus { apart, shared, spread };
Result<CpuPlan> plan_cpus(Cpus how);

// The same of CPUs that this process may use, one at least; `siblings` are the threads of the first one's
// core, itself among them; empty where that is not known.
CpuPlan choose_cpus(Cpus how, const std::vector<int>& allowed, const std::vector<int>& siblings);
// "0,4-6" as the files of /sys/devices/system/cpu have it; empty when it is no such list.
std::vector<int> parse_cpu_list(std::string_view text);

std::vector<int> allowed_cpus();  // those that this process may use; none where that is not known

// Pins the calling thread; threads and processes that it makes later are pinned with it.
Result<void> pin_to(const std::vector<int>& cpus);
Result<void> pin_to(int cpu);

}  // namespace switchboard::bench

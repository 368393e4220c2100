// Decides which CPU runs what. Linux only (man 2 sched_setaffinity).
#pragma once

#include <optional>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::bench {

struct CpuPlan {
    int server = 0;
    int generator = 0;
    std::vector<int> all = {};  // the server's, if it is spread over all; else empty
    // Whether server and generator run on two threads of one core, and slow each other down. Empty if the
    // system does not report it.
    std::optional<bool> one_core = false;
    bool shared() const noexcept { return server == generator; }
    bool spread() const noexcept { return !all.empty(); }
    // The CPUs that the server runs on.
    std::vector<int> of_server() const { return spread() ? all : std::vector<int>{server}; }
    std::vector<int> used() const;  // each once
};

// Apart: the server gets the first CPU that this process may use, the generator the first of another core or,
// if there is only one core, the second CPU. Both share the first CPU if there is no second, or if shared is
// requested. Spread: the server gets all CPUs, and shares one with the generator. This is for loads that cost
// the server much and the generator little.
enum class Cpus { apart, shared, spread };
Result<CpuPlan> plan_cpus(Cpus how);

// The same for the given CPUs, at least one. `siblings` are the threads of the first CPU's core, itself
// included; empty if they are unknown.
CpuPlan choose_cpus(Cpus how, const std::vector<int>& allowed, const std::vector<int>& siblings);
// Parses "0,4-6", the format of the files in /sys/devices/system/cpu. Empty if the text is invalid.
std::vector<int> parse_cpu_list(std::string_view text);

std::vector<int> allowed_cpus();  // the CPUs that this process may use; empty if they are unknown

// Pins the calling thread, and the threads and processes that it makes later.
Result<void> pin_to(const std::vector<int>& cpus);
Result<void> pin_to(int cpu);

// From now on the calling thread, and what it starts later, does not preempt the thread that wakes it (man 7
// sched, SCHED_BATCH). Between two of them on one CPU, the one that sends runs until it waits.
Result<void> no_wakeup_preemption();

}  // namespace switchboard::bench

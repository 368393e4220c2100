#include "cpus.hpp"

#include <sched.h>

namespace switchboard::bench {

Result<CpuPlan> plan_cpus(Cpus how) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return fail_errno("sched_getaffinity");
    std::vector<int> all;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) all.push_back(cpu);
    }
    const bool together = how == Cpus::shared || all.size() < 2;
    CpuPlan plan{all[0], together ? all[0] : all[1]};
    if (how == Cpus::spread) plan.all = std::move(all);
    return plan;
}

Result<void> pin_to(const std::vector<int>& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (sched_setaffinity(0, sizeof set, &set) == 0) return {};
    return fail_errno("pin to CPU " + std::to_string(cpus.front()));
}

Result<void> pin_to(int cpu) {
    return pin_to(std::vector<int>{cpu});
}

}  // namespace switchboard::bench

#include "cpus.hpp"

#include <sched.h>

namespace switchboard::bench {

Result<CpuPlan> plan_cpus(bool same_core) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return fail_errno("sched_getaffinity");
    int first = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) continue;
        if (first >= 0) return CpuPlan{first, cpu};
        first = cpu;
        if (same_core) break;
    }
    return CpuPlan{first, first};
}

Result<void> pin_to(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        return fail_errno("pin to CPU " + std::to_string(cpu));
    }
    return {};
}

}  // namespace switchboard::bench

// The CPU clocks of the system.
#pragma once

#include <ctime>

namespace switchboard::bench {

// Returns the CPU seconds that `clock` has counted, for this thread (CLOCK_THREAD_CPUTIME_ID), this process
// (CLOCK_PROCESS_CPUTIME_ID) or another process (man 3 clock_getcpuclockid); 0 if it has ended.
inline double cpu_seconds(clockid_t clock) noexcept {
    timespec used{};
    if (clock_gettime(clock, &used) != 0) return 0;
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

}  // namespace switchboard::bench

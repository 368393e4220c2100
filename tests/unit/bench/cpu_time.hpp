// The CPU time of this process.
#pragma once

#include <ctime>

namespace switchboard::test {

inline double own_cpu() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

inline void burn(double seconds) {
    const double end = own_cpu() + seconds;
    while (own_cpu() < end) {
    }
}

}  // namespace switchboard::test

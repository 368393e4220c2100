// A counter that is read with two instructions, on processors that have one. Private to core and reactor.
#pragma once

#include <chrono>
#include <cstdint>

namespace switchboard::platform {

// Returns a counter that increases by one about every quarter to half of a millisecond and wraps around. Its
// rate is only known by comparing it with a clock, and it may differ a little between cores. Use it only to
// decide whether to read a clock.
inline std::uint32_t ticks() noexcept {
#if defined(__x86_64__) && !defined(SWITCHBOARD_PORTABLE)
    std::uint32_t low = 0, high = 0;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    __asm__("shrd $20, %1, %0" : "+r"(low) : "r"(high) : "cc");
    return low;
#else
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.count()) >> 18U);
#endif
}

}  // namespace switchboard::platform

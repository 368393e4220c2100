// A counter that costs two instructions to read, where there is one. Private to core and reactor.
#pragma once

#include <chrono>
#include <cstdint>

namespace switchboard::platform {

// Goes up with time, by one in a quarter to a half of a millisecond or so, at a rate that is only known
// by comparing with a clock, and wraps; may differ a little from core to core. Good for asking whether
// it is worth while to look at a clock, and for nothing else.
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

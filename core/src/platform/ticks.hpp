// A counter that costs one instruction to read, where there is one. Private to core and reactor.
#pragma once

#include <chrono>
#include <cstdint>

namespace switchboard::platform {

// Goes up with time, at a rate that is only known by comparing with a clock; may differ a little from
// core to core. Good for asking whether it is worth while to look at a clock, and for nothing else.
inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__) && !defined(SWITCHBOARD_PORTABLE)
    return __builtin_ia32_rdtsc();
#else
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

}  // namespace switchboard::platform

// Points in time that are computed from durations of the user. Private to core and reactor.
#pragma once

#include <algorithm>
#include <chrono>
#include <switchboard/connection.hpp>

namespace switchboard::detail {

inline constexpr auto kNever = Clock::time_point::max();

// Returns `now` plus `time`, or kNever if no clock can reach that, as with milliseconds::max(). A negative
// `time` counts as zero.
inline Clock::time_point deadline_after(Clock::time_point now,
                                        std::chrono::milliseconds time) noexcept {
    using std::chrono::milliseconds;
    if (time.count() <= 0) return now;
    // If the clock is before its epoch, the difference would overflow.
    const auto from = std::max(now, Clock::time_point());
    const auto most = std::chrono::floor<milliseconds>(kNever - from);
    return time < most ? now + time : kNever;
}

// The same for a limit; zero or less means no limit.
inline Clock::time_point limit_after(Clock::time_point now,
                                     std::chrono::milliseconds limit) noexcept {
    return limit.count() > 0 ? deadline_after(now, limit) : kNever;
}

}  // namespace switchboard::detail

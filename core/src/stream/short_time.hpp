// Points in time as milliseconds in 32 bits, which wrap after 49 days. Two of them compare correctly if they
// are less than 24 days apart.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <switchboard/connection.hpp>

namespace switchboard::detail::short_time {

using std::chrono::milliseconds;

inline std::uint32_t passed(Clock::time_point when) noexcept {
    return static_cast<std::uint32_t>(
        std::chrono::floor<milliseconds>(when.time_since_epoch()).count());
}

// Rounded up, so that no time-out is early.
inline std::uint32_t coming(Clock::time_point when) noexcept {
    return static_cast<std::uint32_t>(
        std::chrono::ceil<milliseconds>(when.time_since_epoch()).count());
}

// Returns whether a limit applies. Zero, and a limit that does not fit in 31 bits, mean no limit.
inline bool counts(milliseconds limit) noexcept {
    return limit.count() > 0 && limit.count() <= std::numeric_limits<std::int32_t>::max();
}

inline bool past(std::uint32_t since, milliseconds limit, Clock::time_point now) noexcept {
    const auto left = since + static_cast<std::uint32_t>(limit.count()) - passed(now);
    return counts(limit) && static_cast<std::int32_t>(left) <= 0;
}

inline Clock::time_point due(std::uint32_t since, milliseconds limit,
                             Clock::time_point now) noexcept {
    if (!counts(limit)) return Clock::time_point::max();
    const auto left = since + static_cast<std::uint32_t>(limit.count()) - passed(now);
    return std::chrono::floor<milliseconds>(now) + milliseconds(static_cast<std::int32_t>(left));
}

}  // namespace switchboard::detail::short_time

// When something that may take a user's duration is due. Private to core and reactor.
#pragma once

#include <algorithm>
#include <chrono>
#include <switchboard/connection.hpp>

namespace switchboard::detail {

// `time` after `now`. A time that no clock reaches, as milliseconds::max(), is for ever, and the answer
// Clock::time_point::max(), which is never; a negative one is no time at all.
inline Clock::time_point deadline_after(Clock::time_point now,
                                        std::chrono::milliseconds time) noexcept {
    using std::chrono::milliseconds;
    if (time.count() <= 0) return now;
    // What is left of a clock that stands before its epoch is more than it can say itself.
    const auto from = std::max(now, Clock::time_point());
    const auto most = std::chrono::floor<milliseconds>(Clock::time_point::max() - from);
    return time < most ? now + time : Clock::time_point::max();
}

// The same for a limit of which zero, or less, means none.
inline Clock::time_point limit_after(Clock::time_point now,
                                     std::chrono::milliseconds limit) noexcept {
    return limit.count() > 0 ? deadline_after(now, limit) : Clock::time_point::max();
}

}  // namespace switchboard::detail

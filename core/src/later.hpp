// Points in time that no clock reaches. Private to core and reactor.
#pragma once

#include <chrono>
#include <switchboard/connection.hpp>

namespace switchboard::detail {

// `time` after `now`; Clock::time_point::max(), which is never, if that is later than a clock can say.
inline Clock::time_point later(Clock::time_point now, std::chrono::milliseconds time) noexcept {
    using std::chrono::milliseconds;
    const auto most = std::chrono::floor<milliseconds>(Clock::time_point::max() - now);
    return time < most ? now + time : Clock::time_point::max();
}

}  // namespace switchboard::detail

// A token bucket, exact to the billionth of a byte, from 1 byte a second to
// ThrottleOptions::kMostRate.
#pragma once

#include <cstdint>
#include <switchboard/connection.hpp>

namespace switchboard::detail {

// The rate, and the bytes that may pass at once. A rate of 0 is no limit.
struct Rate {
    std::uint64_t per_second = 0;  // bytes
    std::uint64_t burst = 0;       // bytes; at least 2

    static Rate of(std::uint64_t per_second, std::chrono::milliseconds burst) noexcept;
};

// The bucket starts full. All members refer to the time of the last fill().
class RateBucket {
public:
    explicit RateBucket(Rate rate) noexcept
        : rate_(rate), level_(static_cast<std::int64_t>(rate.burst)) {}

    // Adds what was earned until `now`. An earlier time than before changes nothing: the clocks of several
    // threads differ a little.
    void fill(Clock::time_point now) noexcept;
    // Bytes that may be spent. A negative level is a debt.
    std::int64_t level() const noexcept { return level_; }
    void spend(std::uint64_t bytes) noexcept { level_ -= static_cast<std::int64_t>(bytes); }
    void give_back(std::uint64_t bytes) noexcept;
    // Returns when the level reaches `wanted` if nothing is spent. `wanted` must not be above the burst.
    Clock::time_point reaches(std::int64_t wanted) const noexcept;

private:
    std::chrono::nanoseconds time_for(std::int64_t missing) const noexcept;
    void earn(std::chrono::nanoseconds elapsed) noexcept;

    Rate rate_;
    std::int64_t level_;
    std::uint64_t billionths_ = 0;  // earned fraction of a byte; 0 when full
    Clock::time_point filled_ = Clock::time_point::min();
};

}  // namespace switchboard::detail

// first_byte_timeout, idle_timeout and max_connection_age of a connection. Private to core.
#pragma once

#include <algorithm>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>

#include "short_time.hpp"

namespace switchboard::detail {

struct Timeouts {
    const ConnectionLimits& limits;
    std::uint32_t opened, active;  // short times: when it was opened, and when a byte last moved
    bool awaits_first;             // no byte has come from the peer yet

    static bool any(const ConnectionLimits& limits) noexcept {
        using short_time::counts;
        return counts(limits.first_byte_timeout) || counts(limits.idle_timeout) ||
               counts(limits.max_connection_age);
    }

    // Returns when the first time-out is due.
    Clock::time_point first(Clock::time_point now) const noexcept {
        using short_time::due;
        const auto end = std::min(due(opened, limits.max_connection_age, now),
                                  due(active, limits.idle_timeout, now));
        return awaits_first ? std::min(end, due(opened, limits.first_byte_timeout, now)) : end;
    }

    // Returns the error of a time-out that is over, or an empty error_code.
    std::error_code over(Clock::time_point now) const noexcept {
        using short_time::past;
        if (past(opened, limits.max_connection_age, now)) return errc::connection_age_over;
        if (awaits_first && past(opened, limits.first_byte_timeout, now))
            return errc::first_byte_timed_out;
        if (past(active, limits.idle_timeout, now)) return errc::idle_timed_out;
        return {};
    }
};

}  // namespace switchboard::detail

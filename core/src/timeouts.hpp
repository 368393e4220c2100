// first_byte_timeout, idle_timeout and lifetime of a connection. Private to core.
#pragma once

#include <algorithm>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>

#include "short_time.hpp"

namespace switchboard::detail {

struct Timeouts {
    const Limits& limits;
    std::uint32_t opened, active;  // short times: when it was opened, and when a byte moved last
    bool awaits_first;             // no byte of the peer has come yet

    static bool any(const Limits& limits) noexcept {
        using short_time::counts;
        return counts(limits.first_byte_timeout) || counts(limits.idle_timeout) ||
               counts(limits.lifetime);
    }

    // When the first of them is due.
    Clock::time_point first(Clock::time_point now) const noexcept {
        using short_time::due;
        const auto end =
            std::min(due(opened, limits.lifetime, now), due(active, limits.idle_timeout, now));
        return awaits_first ? std::min(end, due(opened, limits.first_byte_timeout, now)) : end;
    }

    // The error of the one that is over; none if none is.
    std::error_code over(Clock::time_point now) const noexcept {
        using short_time::past;
        if (past(opened, limits.lifetime, now)) return errc::lifetime_over;
        if (awaits_first && past(opened, limits.first_byte_timeout, now))
            return errc::first_byte_timed_out;
        if (past(active, limits.idle_timeout, now)) return errc::idle_timed_out;
        return {};
    }
};

}  // namespace switchboard::detail

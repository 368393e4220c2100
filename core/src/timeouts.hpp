// first_byte_timeout, idle_timeout and lifetime of one connection, for the drivers that count in points
// of time (the reactor counts the same in ticks). No clock in here.
#pragma once

#include <algorithm>
#include <switchboard/connection.hpp>
#include <switchboard/limits.hpp>

#include "later.hpp"

namespace switchboard::detail {

class Timeouts {
public:
    static constexpr auto kNever = Clock::time_point::max();

    explicit Timeouts(const Limits& limits) : limits_(limits) {}

    // Whether any is set, and so whether the rest need be called.
    bool any() const noexcept {
        return limits_.first_byte_timeout.count() > 0 || limits_.idle_timeout.count() > 0 ||
               limits_.lifetime.count() > 0;
    }
    void opened(Clock::time_point now) {
        over_at_ = after(now, limits_.lifetime);
        first_by_ = after(now, limits_.first_byte_timeout);
        moved(now);
    }
    void received(Clock::time_point now) {
        first_by_ = kNever;
        moved(now);
    }
    void sent(Clock::time_point now) { moved(now); }
    void ended() { over_at_ = first_by_ = idle_at_ = kNever; }

    Clock::time_point due() const { return std::min({over_at_, first_by_, idle_at_}); }
    std::error_code over(Clock::time_point now) const {
        if (over_at_ <= now) return errc::lifetime_over;
        if (first_by_ <= now) return errc::first_byte_timed_out;
        if (idle_at_ <= now) return errc::idle_timed_out;
        return {};
    }

private:
    static Clock::time_point after(Clock::time_point now, std::chrono::milliseconds limit) {
        return limit.count() > 0 ? later(now, limit) : kNever;
    }
    void moved(Clock::time_point now) { idle_at_ = after(now, limits_.idle_timeout); }

    const Limits& limits_;
    Clock::time_point over_at_ = kNever, first_by_ = kNever, idle_at_ = kNever;
};

}  // namespace switchboard::detail

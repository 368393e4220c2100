// first_byte_timeout, idle_timeout, lifetime and, while draining, drain_idle of one connection, for
// the drivers that count in points of time (the reactor counts the same in ticks). No clock in
// here.
#pragma once

#include <algorithm>
#include <switchboard/connection.hpp>
#include <switchboard/limits.hpp>

#include "deadline.hpp"

namespace switchboard::detail {

class Timeouts {
public:
    static constexpr auto kNever = Clock::time_point::max();

    explicit Timeouts(const Limits& limits) : limits_(limits) {}

    // Whether any is set, and so whether the rest need be called.
    bool any() const noexcept {
        return draining_ || limits_.first_byte_timeout.count() > 0 ||
               limits_.idle_timeout.count() > 0 || limits_.lifetime.count() > 0;
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
    void ended() { over_at_ = first_by_ = idle_at_ = quiet_at_ = kNever; }
    Clock::time_point moved_at() const { return moved_at_; }
    // From now on drain_idle counts: from `since`, and from each byte.
    void drain(Clock::time_point since) {
        draining_ = true;
        quiet_at_ = deadline_after(since, limits_.drain_idle);
    }
    // It was quiet for so long, and has work to do all the same: to be looked at again.
    void stay(Clock::time_point now) {
        quiet_at_ = deadline_after(now, std::max(limits_.drain_idle, std::chrono::milliseconds(10)));
    }

    Clock::time_point due() const { return std::min({over_at_, first_by_, idle_at_, quiet_at_}); }
    bool quiet(Clock::time_point now) const { return quiet_at_ <= now; }
    std::error_code over(Clock::time_point now) const {
        if (over_at_ <= now) return errc::lifetime_over;
        if (first_by_ <= now) return errc::first_byte_timed_out;
        if (idle_at_ <= now) return errc::idle_timed_out;
        return {};
    }

private:
    static Clock::time_point after(Clock::time_point now, std::chrono::milliseconds limit) {
        return limit_after(now, limit);
    }
    void moved(Clock::time_point now) {
        moved_at_ = now;
        idle_at_ = after(now, limits_.idle_timeout);
        if (draining_) drain(now);
    }

    const Limits& limits_;
    Clock::time_point moved_at_;
    Clock::time_point over_at_ = kNever, first_by_ = kNever, idle_at_ = kNever, quiet_at_ = kNever;
    bool draining_ = false;
};

}  // namespace switchboard::detail

// The time-outs of a connection. When bytes move, only the time is noted. What is due is computed on request.
#include <switchboard/driver/transport.hpp>

#include <algorithm>

#include "base/deadline.hpp"
#include "rare_state.hpp"
#include "timeouts.hpp"

namespace switchboard {
namespace {

using std::chrono::milliseconds;
using namespace detail::short_time;

// The least time between two checks of a connection that is quiet but not idle.
constexpr milliseconds kLeastLook{10};

}  // namespace

void Transport::start_timeouts() {
    if (!detail::Timeouts::any(limits())) return;
    set(kTimed | kAwaited);
    opened_at_ = active_at_ = coming(clock());
    arm(next_timeout());
}

void Transport::note_activity() noexcept {
    if (has(kTimed)) active_at_ = coming(clock());
}

Clock::time_point Transport::in(milliseconds limit) const noexcept {
    return detail::limit_after(clock(), limit);
}

Clock::time_point Transport::next_timeout() const noexcept {
    if (is(Phase::connecting) || is(Phase::closed)) return RareState::kNever;
    auto first = runner_.ended() ? RareState::kNever : deadline_;
    if (rare_) first = std::min({first, rare_->due(), rare_->offer_at});
    if (!has(kTimed) || !is(Phase::open)) return first;
    first = std::min(first, ends_by());
    if (!has(kDraining)) return first;
    const auto quiet =
        due(active_at_, std::max(limits().drain_idle_timeout, milliseconds(1)), clock());
    return std::min(first, rare_ ? std::max(quiet, rare_->look_at) : quiet);
}

Clock::time_point Transport::ends_by() const noexcept {
    if (!has(kTimed) || !is(Phase::open)) return RareState::kNever;
    return detail::Timeouts{limits(), opened_at_, active_at_, has(kAwaited)}.first(clock());
}

std::error_code Transport::over(Clock::time_point now) const noexcept {
    if (!has(kTimed) || !is(Phase::open)) return {};
    return detail::Timeouts{limits(), opened_at_, active_at_, has(kAwaited)}.over(now);
}

// A time-out is judged only after ask(): bytes that came, or could have been sent, while a callback held up
// the driver were in time.
void Transport::expired(Clock::time_point now) {
    if (over(now) || has(kDraining) || (rare_ && rare_->due() <= now)) {
        if (has(kListed)) end_of_turn();  // layers may then send what they have queued
        if (!is(Phase::closed)) ask();
        judge(now);
    } else if (runner_.layer() != nullptr) {
        offer_again();  // the layer's deadline may be a time-out that looks at this queue
    } else if (rare_ && rare_->offer_at <= now) {
        offer_again();
    }
    if (rare_ && rare_->offer_at <= now) rare_->offer_at = RareState::kNever;
    if (deadline_ <= now && !runner_.ended() && is(Phase::open)) {
        deadline_ = RareState::kNever;
        call([&] { runner_.deadline(*this); });
    }
    if (has(kAttention)) settle();
    if (!is(Phase::closed)) arm(next_timeout());
}

void Transport::judge(Clock::time_point now) {
    if (phase() >= Phase::aborting) return;
    if (rare_ && rare_->due() <= now) {
        if (is(Phase::lingering)) return end(reason(), false);
        const bool closes = std::min(rare_->close_at, rare_->close_by) <= now;
        abort(closes ? errc::close_timed_out : errc::write_stalled);
    } else if (const auto why = over(now)) {
        close_from_top(why);
    } else if (has(kDraining) && is(Phase::open)) {
        look_at_idle(now);
    }
}

// Closes from the topmost layer, so that output queued in layers is flushed, too. The time-outs are cleared,
// so that it is closed only once.
void Transport::close_from_top(std::error_code reason) {
    clear(kTimed | kAwaited | kDraining);
    Connection* const top = topmost();
    top != nullptr ? top->close(reason) : close(reason);
}

void Transport::stop() {
    if (is(Phase::open) && !runner_.stopping() && !runner_.ended()) at_end_of_turn(kStop);
}

// If no time-out was set, it was not noted when bytes last moved; but the wire may know.
void Transport::tell_stop() {
    call([&] { runner_.stop(*this); });
    if (!ends_when_idle() || runner_.ended()) return;
    set(kDraining);
    if (!has(kTimed)) {
        const auto quiet = std::clamp(quiet_for(), milliseconds(0), limits().drain_idle_timeout);
        active_at_ = coming(clock()) - static_cast<std::uint32_t>(quiet.count());
        set(kTimed);
    }
    look_at_idle(clock());
    if (!runner_.ended()) arm(next_timeout());
}

// Closes the connection if it is idle. A connection that is quiet but has work to do is checked again later.
// Input that has come and is not read yet, as in a long turn, counts as a request in progress.
void Transport::look_at_idle(Clock::time_point now) {
    const auto quiet = limits().drain_idle_timeout;
    if (quiet.count() > 0 && !past(active_at_, quiet, now)) return;
    if (runner_.is_idle() && !has(kQueued) && (has(kEofSeen) || !input_waiting()))
        return close_from_top({});
    rare_state().look_at = detail::deadline_after(now, std::max(quiet, kLeastLook));
}

}  // namespace switchboard

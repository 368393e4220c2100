// The time-outs of a connection. Bytes that move only note the time; what is due is found when it is asked
// for.
#include <switchboard/transport.hpp>

#include <algorithm>

#include "deadline.hpp"
#include "timeouts.hpp"
#include "transport_rare.hpp"

namespace switchboard {
namespace {

using std::chrono::milliseconds;
using namespace detail::short_time;

// Between two looks at a connection that is quiet and yet not idle.
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
    if (is(Phase::connecting) || is(Phase::closed)) return Rare::kNever;
    auto first = slot_.ended() ? Rare::kNever : deadline_;
    if (rare_) first = std::min(first, rare_->due());
    if (!has(kTimed) || !is(Phase::open)) return first;
    first = std::min(first, ends_by());
    if (!has(kDraining)) return first;
    const auto quiet = due(active_at_, std::max(limits().drain_idle, milliseconds(1)), clock());
    return std::min(first, rare_ ? std::max(quiet, rare_->look_at) : quiet);
}

Clock::time_point Transport::ends_by() const noexcept {
    if (!has(kTimed) || !is(Phase::open)) return Rare::kNever;
    return detail::Timeouts{limits(), opened_at_, active_at_, has(kAwaited)}.first(clock());
}

std::error_code Transport::over(Clock::time_point now) const noexcept {
    if (!has(kTimed) || !is(Phase::open)) return {};
    return detail::Timeouts{limits(), opened_at_, active_at_, has(kAwaited)}.over(now);
}

// A time-out is judged only after the wire was asked: what came, or could have left, while somebody held
// up the driver was in time.
void Transport::expired(Clock::time_point now) {
    if (over(now) || has(kDraining) || (rare_ && rare_->due() <= now)) {
        if (has(kListed)) end_of_turn();  // what waits in layers may go on with it
        if (!is(Phase::closed)) ask();
        judge(now);
    } else if (slot_.layer() != nullptr) {
        offer_again();  // its deadline may be a time-out, which looks at what waits here
    }
    if (deadline_ <= now && !slot_.ended() && is(Phase::open)) {
        deadline_ = Rare::kNever;
        call([&] { slot_.deadline(*this); });
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

// What waits in layers is flushed as well. It is closed once: whatever its time-outs say meanwhile.
void Transport::close_from_top(std::error_code reason) {
    clear(kTimed | kAwaited | kDraining);
    Connection* const top = topmost();
    top != nullptr ? top->close(reason) : close(reason);
}

void Transport::stop() {
    if (is(Phase::open) && !slot_.stopping() && !slot_.ended()) at_end_of_turn(kStop);
}

// Nobody noted when bytes moved before, if nothing asked for it; but the wire may know.
void Transport::tell_stop() {
    call([&] { slot_.stop(*this); });
    if (!ends_when_idle() || slot_.ended()) return;
    set(kDraining);
    if (!has(kTimed)) {
        const auto quiet = std::clamp(quiet_for(), milliseconds(0), limits().drain_idle);
        active_at_ = coming(clock()) - static_cast<std::uint32_t>(quiet.count());
        set(kTimed);
    }
    look_at_idle(clock());
    if (!slot_.ended()) arm(next_timeout());
}

// Closes it if it is idle. One that is quiet and yet has work to do is looked at again. What has come and was
// not read yet, as in a long turn, is a request that is being served.
void Transport::look_at_idle(Clock::time_point now) {
    const auto quiet = limits().drain_idle;
    if (quiet.count() > 0 && !past(active_at_, quiet, now)) return;
    if (slot_.is_idle() && !has(kQueued) && (has(kEofSeen) || !input_waiting()))
        return close_from_top({});
    rare().look_at = detail::deadline_after(now, std::max(quiet, kLeastLook));
}

}  // namespace switchboard

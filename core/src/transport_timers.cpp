// The time-outs of a connection. Bytes that move only note the time; what is due is found when it is asked
// for.
#include <switchboard/transport.hpp>

#include <algorithm>

#include "deadline.hpp"
#include "short_time.hpp"
#include "transport_rare.hpp"

namespace switchboard {
namespace {

using std::chrono::milliseconds;
using namespace detail::short_time;

constexpr milliseconds kLeastLook{
    10};  // between two looks at a connection that is quiet and yet not idle

}  // namespace

void Transport::set_protocol_timeouts() {
    const Limits& l = limits();
    if (!counts(l.first_byte_timeout) && !counts(l.idle_timeout) && !counts(l.lifetime)) return;
    set(kTimed);
    if (counts(l.first_byte_timeout)) set(kAwaited);
    opened_at_ = active_at_ = coming(clock());
    arm(next_timeout());
}

void Transport::note_activity() noexcept {
    active_at_ = coming(clock());
}

Clock::time_point Transport::in(milliseconds limit) const noexcept {
    return detail::limit_after(clock(), limit);
}

Clock::time_point Transport::next_timeout() const noexcept {
    if (is(Phase::connecting) || is(Phase::closed)) return Rare::kNever;
    auto first = slot_.ended() ? Rare::kNever : deadline_;
    if (rare_) first = std::min({first, rare_->stall_at, rare_->close_at, rare_->close_by});
    if (!has(kTimed) || !is(Phase::open)) return first;
    first = std::min(first, ends_by());
    if (!has(kDraining)) return first;
    const auto quiet = due(active_at_, std::max(limits().drain_idle, milliseconds(1)), clock());
    return std::min(first, rare_ ? std::max(quiet, rare_->look_at) : quiet);
}

Clock::time_point Transport::ends_by() const noexcept {
    if (!has(kTimed) || !is(Phase::open)) return Rare::kNever;
    const Limits& l = limits();
    const auto now = clock();
    const auto first =
        std::min(due(opened_at_, l.lifetime, now), due(active_at_, l.idle_timeout, now));
    return has(kAwaited) ? std::min(first, due(opened_at_, l.first_byte_timeout, now)) : first;
}

std::error_code Transport::over(Clock::time_point now) const noexcept {
    if (!has(kTimed) || !is(Phase::open)) return {};
    const Limits& l = limits();
    if (past(opened_at_, l.lifetime, now)) return errc::lifetime_over;
    if (has(kAwaited) && past(opened_at_, l.first_byte_timeout, now))
        return errc::first_byte_timed_out;
    if (past(active_at_, l.idle_timeout, now)) return errc::idle_timed_out;
    return {};
}

bool Transport::is_overdue(Clock::time_point now) const noexcept {
    if (over(now) || has(kDraining)) return true;
    return rare_ && std::min({rare_->stall_at, rare_->close_at, rare_->close_by}) <= now;
}

// A time-out is judged only after the wire was asked: what came, or could have left, while somebody held
// up the driver was in time.
void Transport::expired(Clock::time_point now) {
    if (is_overdue(now)) {
        if (has(kListed)) end_of_turn();  // what waits in layers may go on with it
        if (!is(Phase::closed)) ask();
        judge(now);
    } else if (slot_.layer() != nullptr) {
        offer_again();  // its deadline may be a time-out, which looks at what waits here
    }
    if (deadline_ <= now && !slot_.ended() && is(Phase::open)) {
        deadline_ = Rare::kNever;
        begin_callback();
        slot_.deadline(*this);
        end_callback();
    }
    if (has(kAttention)) settle();
    if (!is(Phase::closed)) arm(next_timeout());
}

void Transport::judge(Clock::time_point now) {
    const auto came = [&](Clock::time_point Rare::*when) { return rare_ && (*rare_).*when <= now; };
    if (phase() >= Phase::aborting) return;
    if (came(&Rare::close_at) || came(&Rare::close_by)) {
        if (is(Phase::lingering)) return end(reason(), false);
        abort(errc::close_timed_out);
    } else if (came(&Rare::stall_at)) {
        abort(errc::write_stalled);
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
    begin_callback();
    slot_.stop(*this);
    end_callback();
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

// Closes it if it is idle. One that is quiet and yet has work to do is looked at again.
void Transport::look_at_idle(Clock::time_point now) {
    const auto quiet = limits().drain_idle;
    if (quiet.count() > 0 && !past(active_at_, quiet, now)) return;
    if (is_idle()) return close_from_top({});
    rare().look_at = detail::deadline_after(now, std::max(quiet, kLeastLook));
}

// What has come and was not read yet, as in a long turn, is a request that is being served.
bool Transport::is_idle() const noexcept {
    if (!slot_.is_idle() || has(kQueued) || !is(Phase::open)) return false;
    return has(kEofSeen) || !input_waiting();
}

}  // namespace switchboard

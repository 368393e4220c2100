// first_byte_timeout, idle_timeout, lifetime and, while draining, drain_idle. Counted in the wheel's
// ticks, and only looked at when the wheel comes by: what moves a byte notes the time, and files nothing.
#include <sys/ioctl.h>

#include <algorithm>

#include "dispatch.hpp"
#include "loop.hpp"
#include "platform/platform.hpp"
#include "socket_connection.hpp"

namespace switchboard::detail {
namespace {

// From the clock: in a long turn the loop's time is of its beginning. Rounded up: never early.
std::uint32_t tick_now() noexcept {
    const auto now = std::chrono::ceil<std::chrono::milliseconds>(Clock::now().time_since_epoch());
    return static_cast<std::uint32_t>(now.count());
}

// Limits::check keeps them within the 31 bits that ticks compare in.
std::uint32_t ticks(std::chrono::milliseconds time) noexcept {
    return static_cast<std::uint32_t>(time.count());
}

}  // namespace

void SocketConnection::start_timeouts() {
    set(kTimed);
    if (origin_.limits.first_byte_timeout.count() > 0) set(kAwaited);
    opened_at_ = active_at_ = tick_now();
    schedule_timeouts();
}

void SocketConnection::note_activity() noexcept {
    active_at_ = tick_now();
}

// Which of them is over, if any.
std::error_code SocketConnection::timeout_over() const noexcept {
    if (has(kClosing | kAborting)) return {};
    const Limits& l = origin_.limits;
    const auto past = [&](std::uint32_t since, std::chrono::milliseconds limit) {
        return limit.count() > 0 &&
               static_cast<std::int32_t>(loop().tick() - since - ticks(limit)) >= 0;
    };
    if (past(opened_at_, l.lifetime)) return errc::lifetime_over;
    if (has(kAwaited) && past(opened_at_, l.first_byte_timeout)) return errc::first_byte_timed_out;
    if (past(active_at_, l.idle_timeout)) return errc::idle_timed_out;
    return {};
}

void SocketConnection::schedule_timeouts() {
    if (has(kClosing | kAborting)) return;
    const Limits& l = origin_.limits;
    if (l.lifetime.count() > 0) schedule_tick(opened_at_ + ticks(l.lifetime));
    if (has(kAwaited)) schedule_tick(opened_at_ + ticks(l.first_byte_timeout));
    if (l.idle_timeout.count() > 0) schedule_tick(active_at_ + ticks(l.idle_timeout));
}

void SocketConnection::stop() {
    const bool told = slot_.stopping() || slot_.ended() || origin_.goodbye;
    if (is_open() && !told) at_end_of_turn(kStop);
}

// Nobody noted when bytes moved before, if nothing asked for it; but the system did.
void SocketConnection::tell_stop() {
    call(&Slot::stop);
    if (origin_.connect || slot_.ended()) return;
    set(kDraining);
    if (!has(kTimed)) {
        const auto quiet = platform::quiet_for(fd_);
        const auto most = origin_.limits.drain_idle.count();
        active_at_ = tick_now();
        if (quiet > 0)
            active_at_ -= static_cast<std::uint32_t>(std::min<std::int64_t>(quiet, most));
        set(kTimed);
    }
    is_idle() ? close({}) : schedule_idle();
}

// What has come and was not read yet, as in a long turn, is a request under way.
bool SocketConnection::is_idle() const noexcept {
    if (!slot_.is_idle() || has(kQueued | kClosing | kAborting)) return false;
    if (tick_now() - active_at_ < ticks(origin_.limits.drain_idle)) return false;
    int unread = 0;
    return has(kEofSeen) || ::ioctl(fd_, FIONREAD, &unread) < 0 || unread == 0;
}

// One that is quiet and yet not idle is looked at again.
void SocketConnection::schedule_idle() {
    if (has(kClosing | kAborting)) return;
    const std::uint32_t idle = ticks(origin_.limits.drain_idle), now = tick_now();
    const bool is_over = now - active_at_ >= idle;
    schedule_tick(is_over ? now + std::max(idle, 10U) : active_at_ + idle);
}

}  // namespace switchboard::detail

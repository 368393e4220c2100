// first_byte_timeout, idle_timeout and lifetime. Counted in the wheel's ticks, and only looked at when
// the wheel comes by: what moves a byte notes the time, and files nothing.
#include <algorithm>

#include "loop.hpp"
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

}  // namespace switchboard::detail

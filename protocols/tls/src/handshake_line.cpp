#include "handshake_line.hpp"

#include <algorithm>

namespace switchboard::tls::detail {
namespace {

constexpr unsigned kCountBits = 20;
constexpr std::uint64_t kMostCount = (std::uint64_t{1} << kCountBits) - 1;
// The clocks of two reactors differ by the length of their turns. A larger step back is another clock.
constexpr std::uint64_t kSameClock = 1'000;

std::uint64_t millisecond_of(Clock::time_point when) noexcept {
    using std::chrono::milliseconds;
    return static_cast<std::uint64_t>(
        std::chrono::floor<milliseconds>(when.time_since_epoch()).count());
}

}  // namespace

Clock::time_point HandshakeLine::enter(Clock::time_point now) noexcept {
    if (most_ == 0) return now;
    const std::uint64_t present = millisecond_of(now);
    std::uint64_t seen = last_.load(std::memory_order_relaxed), place = 0, next = 0;
    do {
        const std::uint64_t last = seen >> kCountBits;
        const bool goes_on = last >= present && last - present < kSameClock;
        place = goes_on ? seen & kMostCount : 0;
        next = (goes_on ? last : present) << kCountBits | std::min(place + 1, kMostCount);
    } while (!last_.compare_exchange_weak(seen, next, std::memory_order_relaxed));
    return now + std::chrono::milliseconds(place / most_);
}

}  // namespace switchboard::tls::detail

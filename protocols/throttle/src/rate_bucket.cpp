#include "rate_bucket.hpp"

#include <algorithm>

namespace switchboard::detail {
namespace {

constexpr std::uint64_t kBillion = 1'000'000'000;
// Practically never, but small enough to be added to a clock's time without an overflow.
constexpr std::uint64_t kMostSeconds = 100ULL * 365 * 24 * 3600;

std::chrono::nanoseconds nanoseconds(std::uint64_t count) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(count));
}

}  // namespace

// At least two bytes: one passes, and the next one can be earned meanwhile.
Rate Rate::of(std::uint64_t per_second, std::chrono::milliseconds burst) noexcept {
    const auto at_once = per_second * static_cast<std::uint64_t>(burst.count()) / 1000;
    return {per_second, std::max<std::uint64_t>(at_once, 2)};
}

void RateBucket::fill(Clock::time_point now) noexcept {
    if (now <= filled_) return;
    const bool first = filled_ == Clock::time_point::min();
    const auto elapsed = first ? std::chrono::nanoseconds() : now - filled_;
    filled_ = now;
    const std::int64_t missing = static_cast<std::int64_t>(rate_.burst) - level_;
    if (missing > 0 && elapsed < time_for(missing)) return earn(elapsed);
    level_ += missing;
    billionths_ = 0;
}

// Computes elapsed * rate / 10^9 in two halves of the rate, so that no product has more than 63 bits.
void RateBucket::earn(std::chrono::nanoseconds elapsed) noexcept {
    const auto time = static_cast<std::uint64_t>(elapsed.count());
    const std::uint64_t seconds = time / kBillion, rest = time % kBillion;
    const std::uint64_t high = rate_.per_second / kBillion, low = rate_.per_second % kBillion;
    const std::uint64_t fine = rest * low + billionths_;
    level_ += static_cast<std::int64_t>(seconds * rate_.per_second + rest * high + fine / kBillion);
    billionths_ = fine % kBillion;
}

void RateBucket::give_back(std::uint64_t bytes) noexcept {
    level_ =
        std::min(level_ + static_cast<std::int64_t>(bytes), static_cast<std::int64_t>(rate_.burst));
    if (level_ == static_cast<std::int64_t>(rate_.burst)) billionths_ = 0;
}

// Computes missing / rate, rounded up to the nanosecond. It is a long division in steps of a factor of 1,000
// below the seconds, so that no remainder has more than 50 bits.
std::chrono::nanoseconds RateBucket::time_for(std::int64_t missing) const noexcept {
    const bool part = billionths_ > 0;
    const auto bytes = static_cast<std::uint64_t>(missing) - (part ? 1 : 0);
    const std::uint64_t fine = part ? kBillion - billionths_ : 0;
    const std::uint64_t seconds = bytes / rate_.per_second;
    if (seconds >= kMostSeconds) return nanoseconds(kMostSeconds * kBillion);
    std::uint64_t remainder = bytes % rate_.per_second, time = 0;
    for (const std::uint64_t digit : {fine / 1'000'000, fine / 1'000 % 1'000, fine % 1'000}) {
        remainder = remainder * 1'000 + digit;
        time = time * 1'000 + remainder / rate_.per_second;
        remainder %= rate_.per_second;
    }
    return nanoseconds(seconds * kBillion + time + (remainder > 0 ? 1 : 0));
}

Clock::time_point RateBucket::reaches(std::int64_t wanted) const noexcept {
    return level_ >= wanted ? filled_ : filled_ + time_for(wanted - level_);
}

}  // namespace switchboard::detail

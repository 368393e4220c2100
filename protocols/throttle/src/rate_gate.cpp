#include "rate_gate.hpp"

namespace switchboard::detail {
namespace {

// The bytes of a turn. Small, so that a new connection does not wait long, but at least a packet of
// Ethernet. At most half the burst, so that the share of a connection that comes late does not overflow a
// full bucket.
std::size_t turn_of(Rate rate) {
    const std::uint64_t bytes = std::max<std::uint64_t>(rate.per_second / 1'000, 1'460);
    return static_cast<std::size_t>(std::min(bytes, rate.burst / 2));
}

}  // namespace

RateLine::RateLine(Rate rate) noexcept
    : limits_(rate.per_second > 0), turn_(turn_of(rate)), places_(rate), bucket_(rate) {}

std::size_t RateLine::take(Clock::time_point now, std::size_t wanted, Place& place) noexcept {
    const std::lock_guard lock(mutex_);
    places_.fill(now);
    bucket_.fill(now);
    if (place.bytes == 0) enter(wanted, place);
    if (place.due > now) return 0;
    const auto has = static_cast<std::size_t>(std::max<std::int64_t>(bucket_.level(), 0));
    const std::size_t passes = std::min({wanted, place.bytes, has});
    bucket_.spend(passes);
    if (passes == 0) {  // connections that came late took its share: goes to the end of the line
        enter(wanted, place);
        return 0;
    }
    places_.give_back(place.bytes - passes);
    place = {};
    return passes;
}

void RateLine::enter(std::size_t wanted, Place& place) noexcept {
    place.bytes = std::min(wanted, turn_);
    places_.spend(place.bytes);
    place.due =
        std::max(places_.reaches(0), bucket_.reaches(static_cast<std::int64_t>(place.bytes)));
}

void RateLine::leave(Place& place) noexcept {
    const std::lock_guard lock(mutex_);
    places_.give_back(place.bytes);
    place = {};
}

// Returns how many bytes the connection's own rate lets pass. To save wake-ups it waits until half a burst,
// or all wanted bytes, are earned. The other half of the burst is earned if the wake-up comes late.
std::size_t RateGate::earned(Clock::time_point now, std::size_t wanted) noexcept {
    bucket_.fill(now);
    const auto worth = static_cast<std::int64_t>(std::min<std::uint64_t>(wanted, own_.burst / 2));
    if (bucket_.level() < worth) {
        opens_at_ = bucket_.reaches(worth);
        return 0;
    }
    return static_cast<std::size_t>(
        std::min(static_cast<std::uint64_t>(bucket_.level()), std::uint64_t{wanted}));
}

std::size_t RateGate::take(Clock::time_point now, std::size_t wanted) noexcept {
    opens_at_ = kNever;
    std::size_t passes = own_.per_second > 0 ? earned(now, wanted) : wanted;
    if (passes == 0) return 0;
    if (all_ != nullptr) {
        passes = all_->take(now, passes, place_);
        if (passes == 0) opens_at_ = place_.due;
    }
    if (own_.per_second > 0) bucket_.spend(passes);
    return passes;
}

void RateGate::leave() noexcept {
    opens_at_ = kNever;
    if (place_.bytes > 0) all_->leave(place_);
}

}  // namespace switchboard::detail

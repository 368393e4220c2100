#include "schedule.hpp"

#include <cmath>

namespace switchboard::bench {

Schedule::Schedule(double per_second, Arrivals arrivals, std::uint64_t seed)
    : per_second_(per_second), arrivals_(arrivals), random_(seed), distance_(per_second) {
    at_ = arrivals_ == Arrivals::constant ? 1 / per_second_ : distance_(random_);
}

std::chrono::nanoseconds Schedule::next() const noexcept {
    return std::chrono::nanoseconds(std::llround(at_ * 1e9));
}

// Of equal distances the n-th is computed by itself: no error adds up.
void Schedule::advance() {
    ++count_;
    if (arrivals_ == Arrivals::constant) {
        at_ = static_cast<double>(count_) / per_second_;
    } else {
        at_ += distance_(random_);
    }
}

}  // namespace switchboard::bench

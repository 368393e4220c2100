#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace switchboard::bench {
namespace {

constexpr std::uint64_t kHalf = Histogram::kSubBuckets / 2;  // buckets a doubling
constexpr unsigned kHalfBits = std::bit_width(kHalf) - 1;
constexpr unsigned kMaxBits = kHalfBits + Histogram::kRanges;
constexpr std::uint64_t kMax = (std::uint64_t{1} << kMaxBits) - 1;
constexpr std::size_t kBuckets = (Histogram::kRanges + 1) * kHalf;

unsigned shift_of(std::uint64_t value) {
    const auto bits = static_cast<unsigned>(std::bit_width(value));
    return bits > kHalfBits + 1 ? bits - kHalfBits - 1 : 0;
}

std::size_t index_of(std::uint64_t value) {
    const unsigned shift = shift_of(value);
    return shift * kHalf + (value >> shift);
}

std::uint64_t lowest_in(std::size_t index) {
    if (index < 2 * kHalf) return index;
    const std::size_t shift = index / kHalf - 1;
    return (index - shift * kHalf) << shift;
}

std::uint64_t highest_in(std::size_t index) {
    return lowest_in(index + 1) - 1;
}

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

void Histogram::record(std::uint64_t value, std::uint64_t times) noexcept {
    const std::uint64_t kept = std::min(value, kMax);
    counts_[index_of(kept)] += times;
    count_ += times;
    max_ = std::max(max_, kept);
    sum_ += static_cast<double>(kept) * static_cast<double>(times);
}

void Histogram::merge(const Histogram& other) noexcept {
    std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(),
                   std::plus<>());
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
}

void Histogram::reset() noexcept {
    std::fill(counts_.begin(), counts_.end(), 0);
    count_ = max_ = 0;
    sum_ = 0;
}

double Histogram::mean() const noexcept {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::percentile(double percent) const noexcept {
    // The next lower number than was asked for: 99.9 / 100 * 1,000 is a little above 999, and would
    // be the 1,000th value.
    const double share = std::nextafter(std::clamp(percent, 0.0, 100.0), 0.0) / 100;
    const double rank = std::ceil(share * static_cast<double>(count_));
    const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen >= wanted) return std::min(highest_in(i), max_);
    }
    return max_;
}

void Histogram::for_each(const std::function<void(const Bucket&)>& visit) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        if (counts_[i] > 0) visit({lowest_in(i), highest_in(i), counts_[i]});
    }
}

bool has_percentile(const Histogram& histogram, double percent) noexcept {
    const double beyond = static_cast<double>(histogram.count()) * (100 - percent) / 100;
    return percent < 100 ? beyond >= 1 - 1e-9 : histogram.count() > 0;
}

}  // namespace switchboard::bench

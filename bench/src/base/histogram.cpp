#include "base/histogram.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <bit>
#include <cmath>

namespace switchboard::bench {
namespace {

constexpr std::uint64_t kHalf = Histogram::kSubBuckets / 2;  // buckets per doubling
constexpr unsigned kHalfBits = std::bit_width(kHalf) - 1;
constexpr unsigned kMaxBits = kHalfBits + Histogram::kRanges;
constexpr std::uint64_t kMaxValue = (std::uint64_t{1} << kMaxBits) - 1;
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

constexpr unsigned kTicksPerHalf = 5;

// Returns the percentage above the n-th tick: 100, 90, 80, 70, 60 of all, then the same of the upper half,
// the upper quarter, and so on.
double left_after(unsigned tick) {
    const double of_half = 100 - 10.0 * (tick % kTicksPerHalf);
    return std::ldexp(of_half, -static_cast<int>(tick / kTicksPerHalf));
}

std::string line(double value, unsigned tick, std::uint64_t count) {
    const double left = left_after(tick);
    return fmt::format("{:12.3f} {:2.12f} {:10} {:14.2f}\n", value, (100 - left) / 100, count,
                       100 / left);
}

// Writes a line for each tick that a bucket reaches. The last bucket reaches all of them: it gets the next
// tick, and a line for 100%, without the distance, which would divide by zero.
std::string lines(const Histogram& histogram, double unit) {
    std::string text;
    std::uint64_t seen = 0;
    unsigned tick = 0;
    histogram.for_each([&](const Histogram::Bucket& bucket) {
        seen += bucket.count;
        const double value = static_cast<double>(bucket.highest) / unit;
        if (seen == histogram.count()) {
            text += line(value, tick, seen);
            text += fmt::format("{:12.3f} {:2.12f} {:10}\n", value, 1.0, seen);
            return;
        }
        const auto all = static_cast<double>(histogram.count());
        const double reached = 100 * static_cast<double>(seen) / all;
        for (; 100 - left_after(tick) <= reached; ++tick) text += line(value, tick, seen);
    });
    return text;
}

double middle_of(const Histogram::Bucket& bucket) {
    const std::uint64_t half = (bucket.highest - bucket.lowest + 1) / 2;
    return static_cast<double>(bucket.lowest + half);
}

struct Moments {
    double mean = 0, deviation = 0;
};

Moments moments_of(const Histogram& histogram) {
    if (histogram.count() == 0) return {};
    const auto all = static_cast<double>(histogram.count());
    double sum = 0, squares = 0;
    histogram.for_each([&](const Histogram::Bucket& bucket) {
        sum += middle_of(bucket) * static_cast<double>(bucket.count);
    });
    const double mean = sum / all;
    histogram.for_each([&](const Histogram::Bucket& bucket) {
        const double off = middle_of(bucket) - mean;
        squares += off * off * static_cast<double>(bucket.count);
    });
    return {mean, std::sqrt(squares / all)};
}

std::uint64_t highest_of(const Histogram& histogram) {
    std::uint64_t highest = 0;
    histogram.for_each([&](const Histogram::Bucket& bucket) { highest = bucket.highest; });
    return highest;
}

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

void Histogram::record(std::uint64_t value, std::uint64_t times) noexcept {
    const std::uint64_t kept = std::min(value, kMaxValue);
    counts_[index_of(kept)] += times;
    count_ += times;
    if (value > kMaxValue) out_of_range_ += times;
    max_ = std::max(max_, kept);
    sum_ += static_cast<double>(kept) * static_cast<double>(times);
}

void Histogram::merge(const Histogram& other) noexcept {
    std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(),
                   std::plus<>());
    count_ += other.count_;
    out_of_range_ += other.out_of_range_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
}

void Histogram::reset() noexcept {
    std::fill(counts_.begin(), counts_.end(), 0);
    count_ = max_ = out_of_range_ = 0;
    sum_ = 0;
}

Histogram Histogram::since(const Histogram& earlier) const {
    Histogram later;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        const std::uint64_t more = counts_[i] - earlier.counts_[i];
        if (more > 0) later.record(std::min(highest_in(i), max_), more);
    }
    return later;
}

double Histogram::mean() const noexcept {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::percentile(double percent) const noexcept {
    // Takes the next lower number: 99.9 / 100 * 1,000 is a little above 999, and would give value 1,000.
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

std::string to_hgrm(const Histogram& histogram, double unit) {
    const Moments moments = moments_of(histogram);
    return fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n{}", "Value", "Percentile", "TotalCount",
                       "1/(1-Percentile)", lines(histogram, unit)) +
           fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", moments.mean / unit,
                       moments.deviation / unit) +
           fmt::format("#[Max     = {:12.3f}, Total count    = {:12}]\n",
                       static_cast<double>(highest_of(histogram)) / unit, histogram.count()) +
           fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n", Histogram::kRanges,
                       Histogram::kSubBuckets);
}

}  // namespace switchboard::bench

#include "hgrm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace switchboard::bench {
namespace {

constexpr unsigned kTicksPerHalf = 5;

template <class... Values>
std::string printed(const char* format, Values... values) {
    std::array<char, 160> text{};
    const int size = std::snprintf(text.data(), text.size(), format, values...);
    return {text.data(), std::min(static_cast<std::size_t>(std::max(size, 0)), text.size() - 1)};
}

// How many percent are above the n-th tick: 100, 90, 80, 70, 60 of all, then of the upper half the
// same, of the upper quarter, and so on.
double left_after(unsigned tick) {
    const double of_half = 100 - 10.0 * (tick % kTicksPerHalf);
    return std::ldexp(of_half, -static_cast<int>(tick / kTicksPerHalf));
}

std::string line(double value, unsigned tick, std::uint64_t count) {
    const double left = left_after(tick);
    return printed("%12.3f %2.12f %10ju %14.2f\n", value, (100 - left) / 100, std::uintmax_t{count},
                   100 / left);
}

// A line for each tick that a bucket reaches. The last one reaches all there are: it has the next
// tick, and 100%, whose distance is not to be divided by.
std::string lines(const Histogram& histogram, double unit) {
    std::string text;
    std::uint64_t seen = 0;
    unsigned tick = 0;
    histogram.for_each([&](const Histogram::Bucket& bucket) {
        seen += bucket.count;
        const double value = static_cast<double>(bucket.highest) / unit;
        if (seen == histogram.count()) {
            text += line(value, tick, seen);
            text += printed("%12.3f %2.12f %10ju\n", value, 1.0, std::uintmax_t{seen});
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

std::string to_hgrm(const Histogram& histogram, double unit) {
    const Moments moments = moments_of(histogram);
    return printed("%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
                   "1/(1-Percentile)") +
           lines(histogram, unit) +
           printed("#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", moments.mean / unit,
                   moments.deviation / unit) +
           printed("#[Max     = %12.3f, Total count    = %12ju]\n",
                   static_cast<double>(highest_of(histogram)) / unit,
                   std::uintmax_t{histogram.count()}) +
           printed("#[Buckets = %12zu, SubBuckets     = %12zu]\n", Histogram::kRanges,
                   Histogram::kSubBuckets);
}

}  // namespace switchboard::bench

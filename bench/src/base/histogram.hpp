// Counts latencies with three significant digits in constant space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace switchboard::bench {

// Log-linear buckets in the layout of HdrHistogram: 2,048 of width 1, then 1,024 for each further doubling,
// so that no value is off by more than 1 in 1,024. Values are nanoseconds up to 2^42 (73 minutes); larger
// ones count as 2^42. Recording is O(1) and allocates nothing. One thread.
class Histogram {
public:
    // The layout, with the names that HdrHistogram's footers use. The first range has kSubBuckets, each
    // further doubling half as many.
    static constexpr std::size_t kSubBuckets = 2048;
    static constexpr std::size_t kRanges = 32;  // the first, and one per further doubling

    // Values that are counted together.
    struct Bucket {
        std::uint64_t lowest = 0, highest = 0;
        std::uint64_t count = 0;
    };

    Histogram();

    void record(std::uint64_t value, std::uint64_t times = 1) noexcept;
    void merge(const Histogram& other) noexcept;
    // Returns what was recorded since this was a copy of `earlier`. Its maximum is that of a bucket.
    Histogram since(const Histogram& earlier) const;
    void reset() noexcept;

    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t max() const noexcept { return max_; }  // exact; 0 when empty
    // The number of values that were too large, and count as the largest possible value.
    std::uint64_t out_of_range() const noexcept { return out_of_range_; }
    double mean() const noexcept;  // exact; 0 when empty
    // Returns the smallest value that `percent` of all values do not exceed, to three digits and never below
    // the true one. `percent` is in [0, 100]. 0 when empty.
    std::uint64_t percentile(double percent) const noexcept;
    // Visits each bucket with a count, in ascending order.
    void for_each(const std::function<void(const Bucket&)>& visit) const;

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0, out_of_range_ = 0;
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

// Whether at least one value lies beyond the percentile. If not, it is merely the maximum (100 is).
bool has_percentile(const Histogram& histogram, double percent) noexcept;
// Returns the percentile in seconds.
inline double seconds_at(const Histogram& histogram, double percent) noexcept {
    return static_cast<double>(histogram.percentile(percent)) * 1e-9;
}
// Returns the percentile in seconds; nullopt if there are too few values.
inline std::optional<double> percentile_of(const Histogram& histogram, double percent) noexcept {
    if (!has_percentile(histogram, percent)) return std::nullopt;
    return seconds_at(histogram, percent);
}

// Writes the text of outputPercentileDistribution() of HdrHistogram 2 for Java, with five ticks per half
// distance, three digits and values up to 2^42 - 1. Only the twelfth digit of a percentage may be rounded
// differently. As there, values stand for their buckets: a value column and the maximum show the highest
// value of the bucket, mean and standard deviation use its middle. All are divided by `unit`, which is above
// 0. An empty histogram has the head and a foot of zeros.
// In nanoseconds. All files are written in this unit.
inline constexpr double kMicrosecond = 1e3;
std::string to_hgrm(const Histogram& histogram, double unit);

}  // namespace switchboard::bench

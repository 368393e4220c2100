// Latencies, counted with three significant digits in constant space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace switchboard::bench {

// Log-linear buckets in the layout of HdrHistogram: 2,048 of width 1, then 1,024 for every further
// doubling, so that no value is off by more than 1 in 1,024. Values are nanoseconds up to 2^42 (73
// minutes); larger ones count as that. Recording is O(1) and allocates nothing. One thread.
class Histogram {
public:
    // The layout, as HdrHistogram's footers name it.
    static constexpr std::size_t kSubBuckets =
        2048;                                   // of the first range; half as many of the others
    static constexpr std::size_t kRanges = 32;  // the first, and one for each further doubling

    // Values that are not told apart.
    struct Bucket {
        std::uint64_t lowest = 0, highest = 0;
        std::uint64_t count = 0;
    };

    Histogram();

    void record(std::uint64_t value, std::uint64_t times = 1) noexcept;
    void merge(const Histogram& other) noexcept;
    void reset() noexcept;

    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t max() const noexcept { return max_; }  // exact; 0 when empty
    double mean() const noexcept;                        // exact; 0 when empty
    // The smallest value that `percent` of all values do not exceed, to three digits and never
    // below the true one; `percent` in [0, 100]. 0 when empty.
    std::uint64_t percentile(double percent) const noexcept;
    // Each bucket that has counted something, by rising values.
    void for_each(const std::function<void(const Bucket&)>& visit) const;

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

// Of few values the largest is no percentile: one of them at least is to lie beyond it. 100 is the largest.
bool has_percentile(const Histogram& histogram, double percent) noexcept;
// The percentile, in seconds.
inline double seconds_at(const Histogram& histogram, double percent) noexcept {
    return static_cast<double>(histogram.percentile(percent)) * 1e-9;
}

}  // namespace switchboard::bench

// A distribution as HdrHistogram writes it, for its plotter and the other tools that read .hgrm.
#pragma once

#include <string>

#include "histogram.hpp"

namespace switchboard::bench {

// The text of outputPercentileDistribution() of HdrHistogram 2 for Java, with five ticks per half distance:
// what it writes for the same values with three digits up to 2^42 - 1, but that the twelfth digit of a
// percentage may be rounded the other way. So values stand for their buckets here: a value column holds the
// highest of its bucket, the maximum too, and mean and standard deviation take each for the middle of its
// bucket. All are divided by `unit`, above 0. Of an empty histogram
// there are the head and a foot of zeros.
inline constexpr double kMicrosecond =
    1e3;  // of nanoseconds: the unit of all files that are written
std::string to_hgrm(const Histogram& histogram, double unit);

}  // namespace switchboard::bench

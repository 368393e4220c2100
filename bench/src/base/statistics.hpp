// Statistics over a handful of rounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchboard::bench {

// The middle and the spread of some values. `mad` is the median of the absolute deviations from the median:
// one disturbed round in five moves neither.
struct Summary {
    std::size_t count = 0;
    double median = 0, mad = 0, min = 0, max = 0;
};

// One value per round; nullopt for a round without a value (nothing was served).
using Rounds = std::vector<std::optional<double>>;

double median(std::vector<double> values);  // not empty; the mean of the middle two if even
std::optional<Summary> summarize(const Rounds& rounds);  // nullopt if no round has a value
// Returns value / base round by round, if both have a value and the base is not zero. The two are measured
// close in time, so a slow phase of the machine slows both sides of a ratio.
Rounds paired_ratios(const Rounds& values, const Rounds& bases);

// The 95% confidence interval of a figure, including both ends.
struct Interval {
    double low = 0, high = 0;
    bool holds(double value) const noexcept { return low <= value && value <= high; }
    friend bool operator==(const Interval&, const Interval&) = default;
};

// An interval needs so many rounds with a value. With fewer, even the whole range, lowest to highest, holds
// the true median in less than 90 of 100 cases.
inline constexpr std::size_t kFewestForInterval = 5;

// Percentile bootstrap: 2,000 times, as many values as there are are drawn from them with replacement; the
// interval spans the middle 95% of the medians. It assumes nothing about the distribution. The same `seed`
// gives the same interval. With few rounds the steps are coarse: it holds the true median in 94 of 100 cases
// for 5 rounds, 87 for 7 and 96 for 9, and comes close to 95 from there on. Nullopt for fewer than
// kFewestForInterval values.
std::optional<Interval> median_interval(const Rounds& rounds, std::uint64_t seed);

// Returns how much median(after) is above median(before), relative to it: 0.1 is 10% more, 0 no change. Each
// side is resampled independently, because they are not pairs. Nullopt if either side has fewer than
// kFewestForInterval values, or a value is not above zero.
std::optional<Interval> change_interval(const Rounds& before, const Rounds& after,
                                        std::uint64_t seed);

// "Of 40 comparisons at 95%, about 2 differ by chance alone."; empty if there are none.
std::string chance_text(std::size_t comparisons);

}  // namespace switchboard::bench

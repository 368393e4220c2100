// What is said about a handful of rounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchboard::bench {

// The middle of `values` and how far from it they are. `mad` is the median of the absolute
// deviations from the median: one disturbed round of five moves neither.
struct Summary {
    std::size_t count = 0;
    double median = 0, mad = 0, min = 0, max = 0;
};

// One value per round; a round without one (nothing was served) is nullopt.
using Rounds = std::vector<std::optional<double>>;

double median(std::vector<double> values);  // of at least one; the mean of the middle two when even
std::optional<Summary> summarize(const Rounds& rounds);  // nullopt when no round has a value
// value / base round by round, where both have one and the base is not zero. Rounds are neighbours
// in time, so what slows the machine for a while slows both sides of a ratio.
Rounds paired_ratios(const Rounds& values, const Rounds& bases);

// Where a figure lies with a confidence of 95%, both ends included.
struct Interval {
    double low = 0, high = 0;
    bool holds(double value) const noexcept { return low <= value && value <= high; }
    friend bool operator==(const Interval&, const Interval&) = default;
};

// Rounds with a value that an interval takes. Of fewer even the whole range, lowest to highest, holds
// the true median less than 90 times in 100.
inline constexpr std::size_t kFewestForInterval = 5;

// Percentile bootstrap: as many values as there are rounds with one are drawn from them, with
// replacement, 2,000 times; the interval is what the middle 95% of the medians span. Nothing is
// assumed of how the values are distributed. The same `seed` gives the same interval. With few rounds
// the steps are coarse: it holds the true median 94 times in 100 for 5 rounds, 87 for 7, 96 for 9, and
// comes close to 95 from there on. Nullopt for fewer than kFewestForInterval values.
std::optional<Interval> median_interval(const Rounds& rounds, std::uint64_t seed);

// How much median(after) is above median(before), relative to it: 0.1 is 10% more, 0 no change. The
// interval draws from both, each by itself, as they are no pairs. Nullopt where the one has fewer than
// kFewestForInterval values or the other has, or a value is not above zero.
std::optional<Interval> change_interval(const Rounds& before, const Rounds& after,
                                        std::uint64_t seed);

// "Of 40 comparisons at 95% chance alone makes about 2 differ."; empty where it makes none.
std::string chance_text(std::size_t comparisons);

}  // namespace switchboard::bench

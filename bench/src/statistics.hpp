// What is said about a handful of rounds.
#pragma once

#include <cstddef>
#include <optional>
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

}  // namespace switchboard::bench

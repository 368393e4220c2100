#include <doctest/doctest.h>

#include <base/statistics.hpp>
#include <cmath>
#include <random>

using namespace switchboard::bench;

TEST_CASE("bench statistics: the median of odd and even counts") {
    CHECK(median({3}) == 3);
    CHECK(median({9, 1, 5}) == 5);
    CHECK(median({4, 1, 3, 2}) == 2.5);
}

TEST_CASE("bench statistics: one wild round moves neither median nor MAD") {
    const auto summary = summarize({10.0, 11.0, 12.0, 13.0, 1'000'000.0});
    REQUIRE(summary);
    CHECK(summary->median == 12);
    CHECK(summary->mad == 1);
    CHECK(summary->min == 10);
    CHECK(summary->max == 1'000'000);
    CHECK(summary->count == 5);
}

TEST_CASE("bench statistics: rounds without a value are left out, not counted as zero") {
    const auto summary = summarize({std::nullopt, 4.0, std::nullopt, 6.0});
    REQUIRE(summary);
    CHECK(summary->count == 2);
    CHECK(summary->median == 5);
    CHECK_FALSE(summarize({std::nullopt, std::nullopt}));
    CHECK_FALSE(summarize({}));
}

TEST_CASE("bench statistics: ratios are paired by round") {
    // Both sides are equally slow in the second round, so the ratio does not change.
    const Rounds ratios = paired_ratios({10.0, 1.0, std::nullopt, 8.0}, {20.0, 2.0, 5.0, 0.0});
    REQUIRE(ratios.size() == 4);
    CHECK(ratios[0] == 0.5);
    CHECK(ratios[1] == 0.5);
    CHECK_FALSE(ratios[2]);
    CHECK_FALSE(ratios[3]);
    CHECK(paired_ratios({1.0, 2.0}, {1.0}).size() == 1);
}

namespace {

// Returns skewed values, as times are, with a known median.
Rounds lognormal(std::size_t count, double middle, std::mt19937_64& random) {
    std::normal_distribution<double> normal(0, 0.2);
    Rounds rounds;
    for (std::size_t i = 0; i < count; ++i) rounds.push_back(middle * std::exp(normal(random)));
    return rounds;
}

constexpr int kSimulations = 250;

// Returns the share of simulations in which the interval contains the true median.
double coverage_of(std::size_t rounds) {
    std::mt19937_64 random(7);
    int held = 0;
    for (int i = 0; i < kSimulations; ++i) {
        const auto interval = median_interval(lognormal(rounds, 1.03, random), random());
        held += interval->holds(1.03) ? 1 : 0;
    }
    return static_cast<double>(held) / kSimulations;
}

}  // namespace

TEST_CASE("bench statistics: the interval contains the true median as often as it claims") {
    // From the binomial distribution of the number of values above the true median.
    CHECK(coverage_of(5) == doctest::Approx(0.938).epsilon(0.03));
    CHECK(coverage_of(7) == doctest::Approx(0.875).epsilon(0.04));
    CHECK(coverage_of(9) == doctest::Approx(0.961).epsilon(0.03));
    CHECK(coverage_of(15) == doctest::Approx(0.95).epsilon(0.04));
}

TEST_CASE("bench statistics: the interval of five rounds is their range, and is repeatable") {
    const Rounds rounds{1.02, 0.97, 1.10, std::nullopt, 1.00, 1.05};
    const auto interval = median_interval(rounds, 11);
    REQUIRE(interval);
    CHECK(interval->low == 0.97);
    CHECK(interval->high == 1.10);
    CHECK(median_interval(rounds, 11) == interval);
    CHECK(interval->holds(1));
    CHECK(interval->holds(1.10));
    CHECK_FALSE(interval->holds(0.96));
}

// For so many values the interval is known: 95% is 501 +- 1.96 * sqrt(1001) / 2, which is 470 to 532. 97.5%
// would be 466 to 536, and 90% would be 475 to 527. With 2,000 draws the result is off by one rank.
TEST_CASE("bench statistics: the interval is the middle 95%, to the rank") {
    Rounds ranks;
    for (int rank = 1; rank <= 1'001; ++rank) ranks.emplace_back(rank);
    const auto interval = median_interval(ranks, 1);
    REQUIRE(interval);
    CHECK(interval->low == 471);
    CHECK(interval->high == 532);
}

TEST_CASE("bench statistics: too few rounds have no interval, and equal ones have a single point") {
    CHECK_FALSE(median_interval({}, 1));
    CHECK_FALSE(median_interval({1.0}, 1));
    CHECK_FALSE(median_interval({1.0, 2.0, 3.0, 4.0, std::nullopt, std::nullopt}, 1));
    CHECK(median_interval({2.0, 2.0, 2.0, 2.0, 2.0}, 1) == Interval{2, 2});
}

TEST_CASE(
    "bench statistics: more rounds narrow the interval, and one wild round does not widen it") {
    std::mt19937_64 random(3);
    Rounds many = lognormal(101, 1, random);
    const auto wide = median_interval(lognormal(9, 1, random), 1);
    const auto narrow = median_interval(many, 1);
    CHECK(narrow->high - narrow->low < (wide->high - wide->low) / 2);
    many[0] = 1e9;
    CHECK(median_interval(many, 1)->high < 1.2);
}

TEST_CASE("bench statistics: a change between two unpaired runs") {
    std::mt19937_64 random(5);
    int held = 0, none_seen = 0;
    for (int i = 0; i < kSimulations; ++i) {
        const Rounds before = lognormal(11, 50, random);
        const auto worse = change_interval(before, lognormal(9, 60, random), random());
        const auto same = change_interval(before, lognormal(9, 50, random), random());
        held += worse->holds(0.2) ? 1 : 0;
        none_seen += same->holds(0) ? 1 : 0;
    }
    CHECK(held >= kSimulations * 93 / 100);
    CHECK(held < kSimulations);
    CHECK(none_seen >= kSimulations * 93 / 100);
}

TEST_CASE(
    "bench statistics: a change without noise is exact, and requires five rounds in both runs") {
    const Rounds five{10.0, 10.0, 10.0, 10.0, 10.0}, more{12.5, 12.5, 12.5, 12.5, 12.5};
    CHECK(change_interval(five, more, 1) == Interval{0.25, 0.25});
    CHECK(change_interval(five, five, 1) == Interval{0, 0});
    CHECK_FALSE(change_interval(five, {1.0, 2.0, 3.0, 4.0}, 1));
    CHECK_FALSE(change_interval({1.0, 2.0, 3.0, 4.0}, five, 1));
    CHECK_FALSE(change_interval({0.0, 1.0, 1.0, 1.0, 1.0}, five, 1));
}

TEST_CASE("bench statistics: the number of comparisons that differ by chance is given from 1 up") {
    CHECK(chance_text(0).empty());
    CHECK(chance_text(9).empty());
    CHECK(chance_text(10) == "Of 10 comparisons at 95%, about 1 differ by chance alone.");
    CHECK(chance_text(240) == "Of 240 comparisons at 95%, about 12 differ by chance alone.");
}

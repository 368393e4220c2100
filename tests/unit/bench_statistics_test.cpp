#include <doctest/doctest.h>

#include <statistics.hpp>

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
    // Both sides are slowed alike in the second round: the ratio does not see it.
    const Rounds ratios = paired_ratios({10.0, 1.0, std::nullopt, 8.0}, {20.0, 2.0, 5.0, 0.0});
    REQUIRE(ratios.size() == 4);
    CHECK(ratios[0] == 0.5);
    CHECK(ratios[1] == 0.5);
    CHECK_FALSE(ratios[2]);
    CHECK_FALSE(ratios[3]);
    CHECK(paired_ratios({1.0, 2.0}, {1.0}).size() == 1);
}

#include <doctest/doctest.h>

#include <algorithm>
#include <base/histogram.hpp>
#include <random>

using switchboard::bench::Histogram;

namespace {

std::vector<std::uint64_t> spread_values(std::size_t count) {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> exponent(0, 36);
    std::vector<std::uint64_t> values(count);
    for (auto& value : values) value = static_cast<std::uint64_t>(std::exp2(exponent(random)));
    return values;
}

std::uint64_t true_percentile(const std::vector<std::uint64_t>& sorted, double percent) {
    const double rank = std::ceil(percent * static_cast<double>(sorted.size()) / 100);
    return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace

TEST_CASE("bench histogram: empty") {
    const Histogram empty;
    CHECK(empty.count() == 0);
    CHECK(empty.max() == 0);
    CHECK(empty.mean() == 0);
    CHECK(empty.percentile(50) == 0);
}

TEST_CASE("bench histogram: below 2,048 every value is exact") {
    for (std::uint64_t value = 0; value < 2048; ++value) {
        Histogram one;
        one.record(value);
        one.record(1'000'000);
        REQUIRE(one.percentile(50) == value);
    }
}

TEST_CASE("bench histogram: every bucket's edge comes back within 1 in 1,024, and not below") {
    for (unsigned bits = 11; bits < 42; ++bits) {
        for (const std::uint64_t value : {(std::uint64_t{1} << bits) - 1, std::uint64_t{1} << bits,
                                          (std::uint64_t{1} << bits) + 1}) {
            Histogram one;
            one.record(value);
            one.record(std::uint64_t{1} << 41);
            const std::uint64_t got = one.percentile(50);
            REQUIRE(got >= value);
            REQUIRE(got - value <= value / 1024);
        }
    }
}

// The results of lowestEquivalentValue() and highestEquivalentValue() in HdrHistogram 2.1.11 for Java, with
// three digits up to 2^42 - 1.
TEST_CASE("bench histogram: buckets are those of HdrHistogram") {
    const struct {
        std::uint64_t value, lowest, highest;
    } known[] = {
        {0, 0, 0},
        {1, 1, 1},
        {2'047, 2'047, 2'047},
        {2'048, 2'048, 2'049},
        {2'049, 2'048, 2'049},
        {4'095, 4'094, 4'095},
        {4'096, 4'096, 4'099},
        {1'000'000, 999'936, 1'000'447},
        {10'000'000, 9'994'240, 10'002'431},
        {100'000'000, 99'942'400, 100'007'935},
        {1'000'000'000, 999'817'216, 1'000'341'503},
        {60'000'000'000, 59'995'324'416, 60'028'878'847},
        {4'398'046'511'103, 4'395'899'027'456, 4'398'046'511'103},
    };
    for (const auto& expected : known) {
        CAPTURE(expected.value);
        Histogram histogram;
        histogram.record(expected.value, 3);
        std::vector<Histogram::Bucket> buckets;
        histogram.for_each([&](const Histogram::Bucket& bucket) { buckets.push_back(bucket); });
        REQUIRE(buckets.size() == 1);
        CHECK(buckets[0].lowest == expected.lowest);
        CHECK(buckets[0].highest == expected.highest);
        CHECK(buckets[0].count == 3);
    }
    CHECK(Histogram::kSubBuckets == 2048);
    CHECK(Histogram::kRanges == 32);
}

TEST_CASE("bench histogram: its buckets are listed in rising order, without gaps") {
    Histogram histogram;
    for (std::uint64_t value = 0; value < 20'000; ++value) histogram.record(value);
    std::uint64_t next = 0, count = 0;
    histogram.for_each([&](const Histogram::Bucket& bucket) {
        CHECK(bucket.lowest == next);
        CHECK(bucket.count == std::min<std::uint64_t>(bucket.highest, 19'999) - bucket.lowest + 1);
        next = bucket.highest + 1;
        count += bucket.count;
    });
    CHECK(next == 20'000);
    CHECK(count == 20'000);
}

TEST_CASE("bench histogram: percentiles agree with the sorted values to three digits") {
    auto values = spread_values(100'000);
    Histogram histogram;
    for (const auto value : values) histogram.record(value);
    std::sort(values.begin(), values.end());
    for (const double percent : {0.0, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        CAPTURE(percent);
        const std::uint64_t truth = true_percentile(values, percent);
        const std::uint64_t got = histogram.percentile(percent);
        CHECK(got >= truth);
        CHECK(got - truth <= truth / 1000);
    }
    CHECK(histogram.max() == values.back());
    CHECK(histogram.percentile(100) == values.back());
}

TEST_CASE("bench histogram: a percentile is the smallest value that enough values do not exceed") {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
    CHECK(histogram.percentile(50) == 50);
    CHECK(histogram.percentile(50.1) == 51);
    CHECK(histogram.percentile(99) == 99);
    CHECK(histogram.percentile(0) == 1);
    for (std::uint64_t value = 101; value <= 1'000; ++value) histogram.record(value);
    CHECK(histogram.percentile(99.9) ==
          999);  // although 99.9 / 100 * 1,000 is above 999 in floating point
    CHECK(histogram.mean() == doctest::Approx(500.5));
}

TEST_CASE("bench histogram: merging equals recording in one") {
    const auto values = spread_values(10'000);
    Histogram left, right, all;
    for (std::size_t i = 0; i < values.size(); ++i) {
        (i % 3 == 0 ? left : right).record(values[i]);
        all.record(values[i]);
    }
    left.merge(right);
    CHECK(left.count() == all.count());
    CHECK(left.max() == all.max());
    CHECK(left.mean() == doctest::Approx(all.mean()));
    for (double percent = 0; percent <= 100; percent += 0.5) {
        REQUIRE(left.percentile(percent) == all.percentile(percent));
    }
}

TEST_CASE("bench histogram: values above 73 minutes count as 73 minutes, and reset forgets all") {
    Histogram histogram;
    histogram.record(~std::uint64_t{0}, 3);
    CHECK(histogram.count() == 3);
    CHECK(histogram.max() == (std::uint64_t{1} << 42) - 1);
    CHECK(histogram.percentile(50) == histogram.max());
    histogram.reset();
    CHECK(histogram.count() == 0);
    CHECK(histogram.percentile(99) == 0);
}

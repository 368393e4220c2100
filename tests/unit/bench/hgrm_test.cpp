#include <doctest/doctest.h>

#include "samples.hpp"

using switchboard::bench::Histogram;
using switchboard::bench::to_hgrm;
using switchboard::test::lines_of;

TEST_CASE("bench hgrm: four values, worked out by hand") {
    Histogram histogram;
    for (const unsigned value : {3'000U, 1'000U, 4'000'000U, 2'000U}) histogram.record(value);
    // Each value is a quarter of all, which determines the ticks up to 25, 50 and 75%. 3,000 shares a bucket
    // with 3,001, and 4,000,000 with 3,999,744 to 4,001,791. So the mean is that of 1,000, 2,000, 3,001 and
    // 4,000,768.
    const std::string expected =
        "       Value     Percentile TotalCount 1/(1-Percentile)\n"
        "\n"
        "       1.000 0.000000000000          1           1.00\n"
        "       1.000 0.100000000000          1           1.11\n"
        "       1.000 0.200000000000          1           1.25\n"
        "       2.000 0.300000000000          2           1.43\n"
        "       2.000 0.400000000000          2           1.67\n"
        "       2.000 0.500000000000          2           2.00\n"
        "       3.001 0.550000000000          3           2.22\n"
        "       3.001 0.600000000000          3           2.50\n"
        "       3.001 0.650000000000          3           2.86\n"
        "       3.001 0.700000000000          3           3.33\n"
        "       3.001 0.750000000000          3           4.00\n"
        "    4001.791 0.775000000000          4           4.44\n"
        "    4001.791 1.000000000000          4\n"
        "#[Mean    =     1001.692, StdDeviation   =     1731.517]\n"
        "#[Max     =     4001.791, Total count    =            4]\n"
        "#[Buckets =           32, SubBuckets     =         2048]\n";
    CHECK(to_hgrm(histogram, 1e3) == expected);
}

TEST_CASE("bench hgrm: the unit divides the values and nothing else") {
    Histogram histogram;
    histogram.record(1'500'000, 3);
    const auto lines = lines_of(to_hgrm(histogram, 1e6));
    REQUIRE(lines.size() == 7);
    CHECK(lines[2] == "       1.500 0.000000000000          3           1.00");
    CHECK(lines[3] == "       1.500 1.000000000000          3");
    CHECK(lines[4] == "#[Mean    =        1.500, StdDeviation   =        0.000]");
    CHECK(lines[5] == "#[Max     =        1.500, Total count    =            3]");
    const auto undivided = lines_of(to_hgrm(histogram, 1));
    CHECK(undivided[3] == " 1500159.000 1.000000000000          3");
    CHECK(undivided[4] == "#[Mean    =  1499648.000, StdDeviation   =        0.000]");
}

TEST_CASE("bench hgrm: one in 100,000 shows at the tick that only it reaches") {
    Histogram histogram;
    histogram.record(1'000, 99'999);
    histogram.record(2'000);
    const auto lines = lines_of(to_hgrm(histogram, 1));
    // 99.999% is the distance 100,000. Below it are the ticks of 16 whole halvings, 1 to 54,613 (five each),
    // and 65,536, 72,818, 81,920 and 93,623. The next is 109,227.
    constexpr std::size_t kHead = 2, kBelow = 16 * 5 + 4, kFoot = 3;
    REQUIRE(lines.size() == kHead + kBelow + 2 + kFoot);
    CHECK(lines[kHead + kBelow - 1] == "    1000.000 0.999989318848      99999       93622.86");
    CHECK(lines[kHead + kBelow] == "    2000.000 0.999990844727     100000      109226.67");
    CHECK(lines[kHead + kBelow + 1] == "    2000.000 1.000000000000     100000");
}

TEST_CASE("bench hgrm: without values there are the head and a foot of zeros") {
    const auto lines = lines_of(to_hgrm(Histogram(), 1e6));
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] == "       Value     Percentile TotalCount 1/(1-Percentile)");
    CHECK(lines[2] == "#[Mean    =        0.000, StdDeviation   =        0.000]");
    CHECK(lines[3] == "#[Max     =        0.000, Total count    =            0]");
    CHECK(lines[4] == "#[Buckets =           32, SubBuckets     =         2048]");
}

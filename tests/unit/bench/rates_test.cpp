#include <doctest/doctest.h>

#include <base/parse.hpp>

using namespace switchboard::bench;

TEST_CASE("bench rates: numbers with and without a unit") {
    CHECK(parse_rate("50k").value() == 50'000);
    CHECK(parse_rate("1.5M").value() == 1'500'000);
    CHECK(parse_rate("0.5").value() == 0.5);
    for (const std::string text :
         {"", "k", "0", "-1", "fast", "10kk", "1e9", "11M", "nan", "inf"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rate(text).has_value());
    }
}

TEST_CASE("bench rates: steps have both ends") {
    CHECK(parse_rates("7").value() == std::vector<double>{7});
    CHECK(parse_rates("10k..30k:10k").value() == std::vector<double>{10'000, 20'000, 30'000});
    CHECK(parse_rates("1..1.95:0.3").value().size() == 4);
    CHECK(parse_rates("0.1..0.7:0.1").value().size() == 7);
    CHECK(parse_rates("5..5:1").value() == std::vector<double>{5});
    for (const std::string text :
         {"1..2", "2..1:1", "..2:1", "1..:1", "1..2:", "1..2:0", "1..9999:1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rates(text).has_value());
    }
    CHECK(parse_rates("2..1:1").error().context() == "invalid rate '2..1:1': the range is empty");
}

// What the tables say of comparisons.
#include <doctest/doctest.h>

#include <regex>
#include <results.hpp>

#include "text.hpp"

using namespace switchboard::bench;
using switchboard::test::has;

TEST_CASE(
    "bench results: knees are compared by rounds that found both, and the fewest connections "
    "named") {
    Results results;
    results.options.servers = {"reactor", "threads"};
    results.options.connections = {10, 100, 1'000};
    results.options.sizes = {64};
    results.options.find_knee = true;
    results.options.slo = parse_slo("p99<2ms").value();
    const auto add = [&](const std::string& server, std::size_t connections, double rate) {
        CellRounds& cell = results.at({server, 64, connections});
        for (int round = 0; round < 6; ++round)
            cell.knees.push_back({.rate = rate, .probes = {{.rate = 20'000, .why = "3.00 ms"}}});
    };
    for (const std::size_t connections : results.options.connections) {
        const double rate = connections == 10 ? 5'000 : connections == 100 ? 9'600 : 10'000;
        add("reactor", connections, rate);
        add("threads", connections, rate / 2);
    }
    CellRounds& threads = results.at({"threads", 64, 100});
    threads.knees[2] = {.rate = 4'000, .untold = "limited by the generator"};
    const auto ratio = results.knee_against_baseline(threads);
    REQUIRE(ratio.has_value());
    CHECK(ratio->count == 5);
    CHECK(ratio->median == 0.5);
    CHECK(ratio->interval->high == 0.5);
    const std::string text = to_text(results);
    CHECK(has(text, "threads*"));
    CHECK(
        has(text,
            "* threads, 100 x 64 B: not found in round 3: above 4,000: limited by the generator"));
    CHECK(has(text, "The fewest connections that come to 95% of the highest such rate"));
    CHECK(std::regex_search(text, std::regex("reactor +64 +100 +9,600")));
    CHECK(std::regex_search(text, std::regex("threads +64 +100 +4,800")));
}

TEST_CASE("bench results: an interval that leaves 1 out looks like one") {
    Ratio ratio;
    ratio.min = 0.9;
    ratio.max = 1.1;
    ratio.median = 1.0341;
    ratio.interval = Interval{1.0021, 1.0712};
    CHECK(to_text(ratio) == "1.034 [1.002, 1.071]");
    ratio.interval = Interval{0.95, 0.99991};
    CHECK(to_text(ratio) == "1.0341 [0.9500, 0.9999]");
    ratio.interval = Interval{0.9981, 1.0712};
    CHECK(to_text(ratio) == "1.03 [1.00, 1.07]");
}

TEST_CASE("bench results: of many comparisons it is said how many differ by chance") {
    Results results;
    results.options.servers = {"reactor", "threads"};
    const auto add = [&](std::size_t connections) {
        for (const std::string server : {"reactor", "threads"}) {
            Measurement m;
            m.exchanges = m.latencies = 10'000;
            m.seconds = 1;
            m.answered = m.served = connections;
            m.server_cpu.total = 0.5;
            CellRounds& cell = results.at({server, 64, connections});
            for (int round = 0; round < 5; ++round, m.exchanges += 10) cell.rounds.push_back(m);
        }
    };
    for (std::size_t connections = 1; connections <= 9; ++connections) add(connections);
    CHECK(has(to_text(results), "\nOf 18 comparisons at 95% chance alone makes about 1 differ.\n"));
    results.cells.resize(8);
    CHECK_FALSE(has(to_text(results), "chance alone"));
    for (CellRounds& cell : results.cells) cell.knees.assign(5, Knee{.rate = 1'000});
    CHECK(has(to_text(results), "\nOf 12 comparisons at 95% chance alone makes about 1 differ.\n"));
}

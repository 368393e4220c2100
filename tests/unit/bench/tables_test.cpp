// The tables of comparisons.
#include <doctest/doctest.h>

#include <array>
#include <compare/results.hpp>
#include <regex>

#include "text.hpp"

using namespace switchboard::bench;
using switchboard::test::has;

TEST_CASE(
    "bench results: knees are compared by rounds that found both, and the fewest connections "
    "named") {
    Results results;
    results.experiment.servers = {"reactor", "threads"};
    results.experiment.connections = {10, 100, 1'000};
    results.experiment.sizes = {64};
    results.experiment.find_knee = true;
    results.experiment.slo = parse_slo("p99<2ms").value();
    const auto add = [&](const std::string& server, std::size_t connections, double rate) {
        CellRounds& cell = results.at({server, 64, connections});
        for (int round = 0; round < 6; ++round)
            cell.knees.push_back({.rate = rate, .probes = {{.rate = 20'000, .why = "3.00 ms"}}});
    };
    for (const std::size_t connections : results.experiment.connections) {
        const double rate = connections == 10 ? 5'000 : connections == 100 ? 9'600 : 10'000;
        add("reactor", connections, rate);
        add("threads", connections, rate / 2);
    }
    CellRounds& threads = results.at({"threads", 64, 100});
    threads.knees[2] = {.rate = 4'000, .why_not_found = "limited by the generator"};
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
    CHECK(has(text, "The fewest connections that reach 95% of the highest such rate"));
    CHECK(std::regex_search(text, std::regex("reactor +64 +100 +9,600")));
    CHECK(std::regex_search(text, std::regex("threads +64 +100 +4,800")));
}

TEST_CASE("bench results: each column of a server's rows has its own figure") {
    Measurement m;
    m.exchanges = m.latencies = 10'000;
    m.seconds = 2;
    m.answered = m.served = 100;
    m.p50 = 100e-6;
    m.p99 = 200e-6;
    m.p999 = 300e-6;
    m.max = 400e-6;
    m.server_cpu = {0.5, 1, 4};
    m.memory = 2 * 1024 * 1024;
    m.switches = Switches{30'000, 1'000};
    Results results;
    results.experiment.servers = {"reactor", "threads"};
    results.at({"reactor", 64, 100}).rounds = {m};
    m.exchanges = 5'000;
    results.at({"threads", 64, 100}).rounds = {m};
    const auto tables = tables_of(results);
    REQUIRE(tables.size() == 2);
    CHECK(tables[0].header == std::vector<std::string>{"server", "#", "exchanges/s", "p50", "p99",
                                                       "p99.9", "rate ratio", "verdict"});
    CHECK(tables[0].rows.at(1) == std::vector<std::string>{"threads", "2", "2,500", "100 us",
                                                           "200 us", "300 us", "0.50",
                                                           "too few rounds"});
    CHECK(tables[1].header == std::vector<std::string>{"server", "CPU us", "user+sys", "switches",
                                                       "memory", "CPU ratio", "verdict"});
    CHECK(tables[1].rows.at(1) == std::vector<std::string>{"threads", "100", "25.0+75.0",
                                                           "6.00+0.200", "2.00 MiB", "2.00",
                                                           "too few rounds"});
}

TEST_CASE(
    "bench results: a knee's row has its share of the ceiling, the nearest higher rate and a "
    "verdict") {
    Results results;
    results.experiment.servers = {"reactor", "threads", "bare-epoll"};
    results.experiment.connections = {100};
    results.experiment.find_knee = true;
    results.experiment.slo = parse_slo("p99<2ms").value();
    const auto add = [&](const std::string& server, std::array<double, 5> rates) {
        for (const double rate : rates) {
            results.at({server, 64, 100})
                .knees.push_back({.rate = rate,
                                  .probes = {{.rate = 20'000, .why = "9.00 ms"},
                                             {.rate = 10'000, .why = "7.00 ms"},
                                             {.rate = rate, .holds = true},
                                             {.rate = 7'000, .why = "3.00 ms"},
                                             {.rate = 8'000, .why = "5.00 ms"},
                                             {.rate = 6'000, .holds = {}, .why = "noise"}}});
        }
    };
    add("reactor", {4'000, 4'000, 4'000, 4'000, 4'000});
    add("threads", {3'600, 3'800, 4'000, 4'200, 4'400});
    add("bare-epoll", {1'800, 1'900, 2'000, 2'100, 2'200});
    const auto rows = tables_of(results).back().rows;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0] == std::vector<std::string>{"reactor", "100", "64", "4,000 \u00b10.0%",
                                              "baseline", "20%", "at 7,000: 3.00 ms"});
    CHECK(rows[1] == std::vector<std::string>{"threads", "100", "64", "4,000 \u00b15.0%",
                                              "1.00 [0.90, 1.10], no difference seen", "20%",
                                              "at 7,000: 3.00 ms"});
    CHECK(rows[2] == std::vector<std::string>{"bare-epoll", "100", "64", "2,000 \u00b15.0%",
                                              "0.50 [0.45, 0.55]", "10%", "at 7,000: 3.00 ms"});
}

TEST_CASE("bench results: an interval that excludes 1 is printed with enough digits") {
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

TEST_CASE("bench results: for many comparisons the number that differ by chance is given") {
    Results results;
    results.experiment.servers = {"reactor", "threads"};
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
    CHECK(has(to_text(results), "\nOf 18 comparisons at 95%, about 1 differ by chance alone.\n"));
    results.cells.resize(8);
    CHECK_FALSE(has(to_text(results), "by chance alone"));
    for (CellRounds& cell : results.cells) cell.knees.assign(5, Knee{.rate = 1'000});
    CHECK(has(to_text(results), "\nOf 12 comparisons at 95%, about 1 differ by chance alone.\n"));
}

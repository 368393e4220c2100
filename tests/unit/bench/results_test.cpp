#include <doctest/doctest.h>

#include <array>
#include <compare/results.hpp>
#include <compare/run_fields.hpp>
#include <nlohmann/json.hpp>

#include "samples.hpp"
#include "text.hpp"

using namespace switchboard::bench;
using switchboard::test::count;
using switchboard::test::has;
using switchboard::test::lines_of;

namespace {

Measurement measured(std::uint64_t exchanges, std::size_t served, double cpu = 0.5) {
    Measurement m;
    m.exchanges = m.latencies = exchanges;
    m.answered = m.served = served;
    m.seconds = 1;
    m.p50 = 100e-6;
    m.p99 = 200e-6;
    m.p999 = 300e-6;
    m.max = 400e-6;
    m.server_cpu = {cpu, 0.1, 0.4};
    m.memory = 2 * 1024 * 1024;
    return m;
}

Results two_servers() {
    Results results;
    results.experiment.servers = {"reactor", "iterative"};
    results.experiment.connections = {100};
    results.experiment.sizes = {64};
    results.at({"reactor", 64, 100}).rounds = {measured(10'000, 100), measured(12'000, 100),
                                               measured(5'000, 100)};
    results.at({"iterative", 64, 100}).rounds = {measured(5'000, 1), measured(6'000, 1),
                                                 measured(2'500, 1)};
    return results;
}

// Five equal rounds. threads has half the throughput of reactor.
Results three_drivers() {
    Results results;
    results.experiment.servers = {"reactor", "threads", "bare-epoll"};
    results.experiment.connections = {100};
    results.experiment.sizes = {64};
    const auto fill = [&](const char* server, std::array<double, 5> rates, double cpu) {
        for (const double rate : rates) {
            results.at({server, 64, 100})
                .rounds.push_back(measured(static_cast<std::uint64_t>(rate * 10'000), 100, cpu));
        }
    };
    fill("reactor", {1, 1, 1, 1, 1}, 0.5);
    fill("threads", {0.4, 0.45, 0.5, 0.55, 0.6}, 0.5);
    fill("bare-epoll", {0.9, 0.95, 1.01, 1.05, 1.1}, 0.5);
    return results;
}

}  // namespace

TEST_CASE("bench results: ratios are paired, so a slow round does not count against one side") {
    const Results results = two_servers();
    const auto found = ratio(results.cells[1], results.cells[0], kThroughput, 1);
    REQUIRE(found);
    CHECK(found->median == 0.5);
    CHECK(found->mad == 0);
    CHECK_FALSE(found->interval);  // there are only three rounds
    CHECK(ratio(results.cells[1], results.cells[0], kCpu, 1)->median == 2);
}

TEST_CASE("bench results: the verdict follows from a ratio's interval") {
    const Results results = three_drivers();
    const auto seen = [&](std::size_t cell, const Metric& metric) {
        return difference_seen(*results.against_baseline(results.cells[cell], metric).ratio);
    };
    CHECK(seen(0, kThroughput) == 0);
    CHECK(seen(1, kThroughput) == -1);
    CHECK(seen(1, kCpu) == 1);
    CHECK(seen(2, kThroughput) == 0);
    const auto against = results.against_baseline(results.cells[1], kThroughput);
    CHECK(against.ratio->interval == Interval{0.4, 0.6});
    CHECK(results.cells[1].cell.server == "threads");
}

TEST_CASE("bench results: ranks and ratios are among those of the same size and connections") {
    Results results;
    results.experiment.servers = {"reactor", "threads"};
    const auto add = [&](std::size_t size, std::size_t connections, std::uint64_t base,
                         std::uint64_t other) {
        results.at({"reactor", size, connections}).rounds.assign(5, measured(base, connections));
        results.at({"threads", size, connections}).rounds.assign(5, measured(other, connections));
    };
    add(64, 100, 80'000, 40'000);
    add(1024, 100, 1'000, 3'000);
    add(1024, 10, 100, 25);
    const auto rank = [&](std::size_t cell) { return results.rank_of(results.cells[cell]); };
    const auto ratio_of = [&](std::size_t cell) {
        return results.against_baseline(results.cells[cell], kThroughput).ratio->median;
    };
    constexpr std::size_t kRanks[] = {1, 2, 2, 1, 1, 2};
    constexpr double kRatios[] = {1, 0.5, 1, 3, 1, 0.25};
    REQUIRE(results.cells.size() == 6);
    for (std::size_t cell = 0; cell < 6; ++cell) {
        CAPTURE(cell);
        CHECK(rank(cell) == kRanks[cell]);
        CHECK(ratio_of(cell) == kRatios[cell]);
    }
    const auto valid = results.valid_under({"", 1024, 100});
    CHECK(valid == std::vector<const CellRounds*>{&results.cells[2], &results.cells[3]});
}

TEST_CASE("bench results: the table has a verdict in words, and ranks by throughput") {
    const Table table = tables_of(three_drivers()).at(0);
    REQUIRE(table.rows.size() == 3);
    CHECK(table.rows[0][1] == "2");
    CHECK(table.rows[0][6] == "1.00");
    CHECK(table.rows[0].back() == "baseline");
    CHECK(table.rows[1][1] == "3");
    CHECK(table.rows[1][6] == "0.50 [0.40, 0.60]");
    CHECK(table.rows[1].back() == "slower");
    CHECK(table.rows[2][1] == "1");
    CHECK(table.rows[2][6] == "1.01 [0.90, 1.10]");
    CHECK(table.rows[2].back() == "no difference seen");
    CHECK(table.notes.empty());
    const Table costs = tables_of(three_drivers()).at(1);
    CHECK(costs.rows[1].back() == "dearer");
    CHECK(costs.rows[2].back() == "no difference seen");
    for (const std::string& line : lines_of(to_text(three_drivers()))) CHECK(line.size() <= 110);
}

TEST_CASE(
    "bench results: an invalid cell is shown, but has no rank, no ratio, and is no baseline") {
    Results results = three_drivers();
    results.cells[2].rounds[1].failed = results.cells[2].rounds[1].failures[0] = 2;
    Table table = tables_of(results).at(0);
    CHECK(table.rows[0][1] == "1");
    CHECK(table.rows[2][0] == "bare-epoll*");
    CHECK(table.rows[2][1] == "-");
    CHECK(has(table.rows[2][2], "10,100"));
    CHECK(table.rows[2][6] == "-");
    CHECK(table.rows[2].back() == "invalid");
    CHECK(has(table.notes.at(0), "* bare-epoll: 2 refused"));

    results.cells[0].rounds[0].failed = results.cells[0].rounds[0].failures[0] = 1;
    table = tables_of(results).at(0);
    CHECK(table.rows[0].back() == "invalid");
    CHECK(table.rows[1][6] == "-");
    CHECK(table.rows[1].back() == "baseline invalid");
    CHECK(table.rows[1][1] == "1");
    results.experiment.baseline = "bare-uv";
    CHECK(tables_of(results).at(0).rows[1].back() == "no baseline");
}

TEST_CASE(
    "bench results: a server that serves only some connections is marked, and not shown as zero") {
    const std::string text = to_text(two_servers());
    CHECK(has(text, "iterative*"));
    CHECK(has(text, "* iterative: serves 1 of 100"));
    CHECK(has(text, "10,000"));
    CHECK(has(text, "echo, 100 connections, 64 B messages, depth 1"));
}

TEST_CASE("bench results: a cell that could not be measured has a reason, and no figure") {
    Results results = two_servers();
    Measurement dead;
    dead.problem = "start /x/switchboard: ended with exit status 1: address in use";
    results.cells[1].rounds = {dead};
    CHECK_FALSE(summarize(results.cells[1], kThroughput));
    CHECK_FALSE(summarize(results.cells[1], kP99));
    CHECK_FALSE(summarize(results.cells[1], kCpu));
    const Table table = tables_of(results).at(0);
    for (std::size_t column = 1; column <= 6; ++column) CHECK(table.rows[1][column] == "-");
    CHECK(table.rows[1].back() == "invalid");
    CHECK(has(table.notes.at(0), "address in use"));
}

TEST_CASE("bench results: a server that serves no connection is reported, with failures by kind") {
    Results results = two_servers();
    Measurement none;
    none.seconds = 1;
    none.connected = 90;
    none.failed = 10;
    none.failures[static_cast<std::size_t>(Failure::timed_out)] = 10;
    results.cells[1].rounds = {none, none};
    CHECK(notes_of(why_invalid(results.cells[1])) == "serves 0 of 100; 20 timed out");
    CHECK_FALSE(summarize(results.cells[1], kThroughput));
    CHECK(results.wrong_replies() == 0);
    results.cells[1].rounds[0].failures[static_cast<std::size_t>(Failure::wrong_bytes)] = 3;
    CHECK(results.wrong_replies() == 3);
}

TEST_CASE("bench results: the share of user time is that of all rounds together") {
    Results results = two_servers();
    results.cells[0].rounds[0].server_cpu = {0.5, 0.0, 0.0};
    CHECK(*user_share(results.cells[0]) == doctest::Approx(0.25));
    for (auto& round : results.cells[0].rounds) round.server_cpu.ticks = 0;
    CHECK_FALSE(user_share(results.cells[0]));
}

TEST_CASE("bench results: context switches are per exchange, and absent if not all were seen") {
    Results results = two_servers();
    CHECK(tables_of(results).at(1).rows[0][3] == "-");
    for (auto& round : results.cells[0].rounds) round.switches = Switches{30'000, 1'000};
    CHECK(summarize(results.cells[0], kVoluntary)->median == 3);
    CHECK(summarize(results.cells[0], kInvoluntary)->max == 0.2);
    CHECK(tables_of(results).at(1).rows[0][3] == "3.00+0.100");
}

TEST_CASE("bench results: the JSON has every round, and null for missing figures") {
    Results results = two_servers();
    results.environment = {{"kernel", "Linux"}};
    results.cells[1].rounds[2] = Measurement{};
    const auto json = nlohmann::json::parse(to_json(results));
    CHECK(json["format"] == "switchboard-bench compare");
    CHECK(json["version"] == kCompareVersion);
    CHECK(json["environment"]["kernel"] == "Linux");
    REQUIRE(json["cells"].size() == 2);
    CHECK(json["cells"][0]["throughput"]["median"] == 10'000);
    CHECK(json["cells"][0]["throughput_ratio"]["median"] == 1);
    CHECK(json["cells"][0]["throughput_ratio"]["low"].is_null());
    CHECK(json["cells"][1]["rounds"].size() == 3);
    CHECK(json["cells"][1]["rounds"][2]["throughput"].is_null());
    CHECK(json["cells"][1]["throughput"]["rounds"] == 2);
}

TEST_CASE("bench results: the JSON has verdict, reasons, rank and interval of each cell") {
    Results results = three_drivers();
    results.cells[2].rounds[0].served = results.cells[2].rounds[0].answered = 7;
    const auto cells = nlohmann::json::parse(to_json(results))["cells"];
    CHECK(cells[0]["valid"] == true);
    CHECK(cells[0]["reasons"].empty());
    CHECK(cells[1]["rank"] == 2);
    CHECK(cells[1]["throughput_ratio"]["low"] == 0.4);
    CHECK(cells[1]["throughput_ratio"]["high"] == 0.6);
    CHECK(cells[1]["throughput_ratio"]["no_difference_seen"] == false);
    CHECK(cells[0]["cpu_ratio"]["no_difference_seen"] == true);
    CHECK(cells[2]["valid"] == false);
    CHECK(cells[2]["rank"].is_null());
    CHECK(cells[2]["throughput_ratio"].is_null());
    CHECK(cells[2]["no_ratio"] == "invalid");
    CHECK(cells[2]["reasons"][0]["reason"] == "not_all_served");
    CHECK(cells[2]["reasons"][0]["text"] == "serves 7-100 of 100");
    CHECK(cells[2]["throughput"]["median"] == 10'100);
}

TEST_CASE("bench results: the CSV has a line per cell and round, under units") {
    Results results = two_servers();
    results.cells[0].rounds[1].seconds = 0.1;
    results.cells[1].rounds[2] = Measurement{};
    const auto lines = lines_of(to_csv(results));
    REQUIRE(lines.size() == 7);
    CHECK(lines[0] ==
          "workload,server,connections,message_bytes,round,valid,reasons,served_connections,"
          "failed_connections,exchanges,window_seconds,generator_cpu_seconds,noise_share,due,"
          "unanswered,uncorrected_p99_seconds,send_delay_p99_seconds,"
          "throughput_per_second,p50_seconds,p99_seconds,p99.9_seconds,max_seconds,"
          "cpu_seconds_per_exchange,voluntary_switches_per_exchange,"
          "involuntary_switches_per_exchange,memory_bytes");
    CHECK(lines[2].starts_with("echo,reactor,100,64,2,yes,,100,0,12000,0.1,0,,,,,,120000,"));
    CHECK(lines[6] == "echo,iterative,100,64,3,no,not_all_served,0,0,0,0,0,,,,,,,,,,,,,,");
    for (const std::string& line : lines) CHECK(count(line, ",") == 25);
}

TEST_CASE("bench results: skipped servers are named with the reason, in the text and in the JSON") {
    Results results = two_servers();
    CHECK_FALSE(has(to_text(results), "Left out"));
    CHECK(nlohmann::json::parse(to_json(results))["skipped"].empty());
    results.skipped = {{"io-uring", "not <here>"}, {"libevent", "not built"}};
    CHECK(has(to_text(results), "\nSkipped: io-uring: not <here>\n"));
    CHECK(has(to_text(results), "\nSkipped: libevent: not built\n"));
    const auto json = nlohmann::json::parse(to_json(results));
    REQUIRE(json["skipped"].size() == 2);
    CHECK(json["skipped"][0]["server"] == "io-uring");
    CHECK(json["skipped"][0]["why"] == "not <here>");
}

TEST_CASE("bench results: two threads of one core are reported, and null if unknown") {
    Results results = two_servers();
    const auto one_core = [&] {
        return nlohmann::json::parse(to_json(results))["cpus"]["one_core"];
    };
    results.cpus = {.server = 0, .generator = 4, .one_core = true};
    CHECK(one_core() == true);
    CHECK(has(to_text(results), "server on CPU 0, generator on CPU 4, two threads of one core;"));
    results.cpus.one_core = std::nullopt;
    CHECK(one_core().is_null());
    CHECK(has(to_text(results), "server on CPU 0, generator on CPU 4;"));
}

TEST_CASE("bench results: without the baseline there are no ratios, and the text says so") {
    Results results = two_servers();
    CHECK_FALSE(has(to_text(results), "was not measured"));
    results.experiment.baseline = "bare-epoll";
    CHECK(has(to_text(results), "\nbare-epoll was not measured, so there are no ratios.\n"));
}

TEST_CASE("bench results: of few replies there is no percentile") {
    Measurement m;
    m.seconds = 1;
    m.p50 = m.p99 = m.p999 = m.max = m.uncorrected_p99 = m.send_delay_p99 = 1e-3;
    m.offered_rate = 100;
    m.exchanges = 50;  // the other replies came after the window, or never
    m.latencies = 99;
    CHECK(kP50.of(m));
    for (const Metric* metric : {&kP99, &kUncorrectedP99, &kSendDelayP99})
        CHECK_FALSE(metric->of(m));
    CHECK(kMax.of(m));
    m.latencies = 100;
    for (const Metric* metric : {&kP99, &kUncorrectedP99, &kSendDelayP99}) CHECK(metric->of(m));
    CHECK_FALSE(kP999.of(m));
    m.latencies = 1'000;
    CHECK(kP999.of(m));
    m.latencies = 1;
    CHECK_FALSE(kP50.of(m));
    CHECK(kMax.of(m));
    // Slow rounds have few replies. Without these rounds the server would look better.
    CellRounds cell{{"reactor", 64, 1}, {m, m}};
    cell.rounds[0].latencies = 10'000;
    CHECK_FALSE(summarize(cell, kP99));
    CHECK(summarize(cell, kMax));
    cell.rounds[1].latencies = 10'000;
    CHECK(summarize(cell, kP99));
    cell.rounds[1].latencies = 0;  // nothing was served, which is reported separately
    CHECK(summarize(cell, kP99));
    m.latencies = 1'000;
    m.exchanges = 0;
    CHECK_FALSE(kP50.of(m));
    CHECK_FALSE(kMax.of(m));
}

TEST_CASE(
    "bench results: a missing figure of an open loop is null in the JSON, and empty in the CSV") {
    Results results = two_servers();
    for (Measurement& round : results.cells[0].rounds) {
        round.offered_rate = 50;
        round.due = round.exchanges = round.latencies = 50;
        round.uncorrected_p99 = round.send_delay_p99 = 1e-3;
    }
    const auto json = nlohmann::json::parse(to_json(results));
    const auto& round = json["cells"][0]["rounds"][0];
    for (const char* name : {"p99", "p99.9", "uncorrected_p99", "send_delay_p99"})
        CHECK(round[name].is_null());
    CHECK(round["p50"] == 100e-6);
    CHECK(has(lines_of(to_csv(results))[1], ",50,0,,,50,1e-04,,,4e-04,"));
}

TEST_CASE("bench results: unknown noise is reported") {
    Results results = two_servers();
    CHECK(has(to_text(results), "The CPU use of other processes is unknown"));
    for (CellRounds& cell : results.cells) {
        for (Measurement& round : cell.rounds) round.noise = 0;
    }
    CHECK_FALSE(has(to_text(results), "The CPU use of other processes is unknown"));
}

TEST_CASE("bench results: wrong bytes in the search for a knee count as wrong replies") {
    Results results = two_servers();
    const std::size_t before = results.wrong_replies();
    results.cells[0].knees = {Knee{.rate = 100, .wrong = 2}};
    results.wrong_at_the_end = 3;
    CHECK(results.wrong_replies() == before + 5);
}

TEST_CASE("bench results: with a requested rate, servers are ranked and compared by p99") {
    Results results = three_drivers();
    results.experiment.rate = 1'000;
    results.experiment.rounds = 5;
    for (CellRounds& cell : results.cells) {
        for (Measurement& round : cell.rounds) {
            round.exchanges = round.latencies = 1'000;  // all servers reach the requested rate
            round.p99 = cell.cell.server == "threads" ? 100e-6 : 200e-6;
            round.offered_rate = 1'000;
            round.due = 1'000;
            round.uncorrected_p99 = 77e-6;
            round.send_delay_p99 = 3e-6;
        }
    }
    CHECK(results.rank_of(results.cells[0]) == 2);
    CHECK(results.rank_of(results.cells[1]) == 1);
    const std::string text = to_text(results);
    CHECK(has(text, "p99 uncorrected"));
    CHECK(has(text, "77.0 us"));
    CHECK(has(text, "3.00 us"));
    CHECK(has(text, "p99 ratio"));
    CHECK(has(text, "0.50"));
    CHECK(has(text, "faster"));
    CHECK_FALSE(has(text, "slower"));
}

TEST_CASE("bench results: a stream has no latency, and not one of zero") {
    Results results = two_servers();
    for (Measurement& round : results.cells[0].rounds) round.latencies = 0;
    for (const Metric* metric : {&kP50, &kP99, &kP999, &kMax})
        CHECK_FALSE(summarize(results.cells[0], *metric));
    CHECK(summarize(results.cells[0], kThroughput));
}

TEST_CASE("bench results: figures of a build other than Release say so") {
    Results results = two_servers();
    results.environment = {{"build_type", "Debug"}};
    CHECK(has(to_text(results), "Built as Debug"));
    results.environment = {{"build_type", "Release"}};
    CHECK_FALSE(has(to_text(results), "Built as"));
}

TEST_CASE("bench results: the brief table fits 24 lines of 80 columns, the best first") {
    Results results;
    results.experiment.connections = {1, 100};
    results.experiment.sizes = {64};
    results.experiment.rounds = 3;
    results.experiment.duration = std::chrono::milliseconds(400);
    for (int i = 0; i < 17; ++i) {
        results.experiment.servers.push_back("libevent-buffered" + std::to_string(i));
        for (const std::size_t connections : results.experiment.connections) {
            results.at({results.experiment.servers.back(), 64, connections})
                .rounds.assign(3, measured(static_cast<std::uint64_t>(80'000 + i), connections));
        }
    }
    results.cells[0].rounds[0].failures[0] = 1;
    for (Measurement& round : results.cells[5].rounds) round.noise = 0.5;
    results.skipped = {{"io-uring", "not built"}};
    const std::string text = to_brief_text(results, "build/bench/report.html");
    const auto lines = lines_of(text);
    CHECK(lines.size() <= 24);
    for (const std::string& line : lines) CHECK_MESSAGE(line.size() <= 80, line);
    CHECK(has(lines[3], "libevent-buffered16"));
    CHECK(has(text, "libevent-buffered0*"));
    CHECK(has(text, "libevent-buffered2~"));
    CHECK(has(text, "report: build/bench/report.html"));
    results.experiment.connections = {1, 10, 100};
    CHECK(to_brief_text(results, "") == to_text(results));
}

TEST_CASE("bench results: a doubtful cell is shown with its ratio, and without rank or verdict") {
    Results results = three_drivers();
    for (Measurement& round : results.cells[1].rounds) round.noise = 0.5;
    const Table table = tables_of(results).at(0);
    CHECK(table.rows[1][0] == "threads~");
    CHECK(table.rows[1][1] == "-");
    CHECK(has(table.rows[1][6], "0.50"));
    CHECK(table.rows[1].back() == "cannot tell");
    CHECK(has(to_text(table), "~ threads: other processes used 50.0% of the CPUs"));
    CHECK(nlohmann::json::parse(to_json(results))["cells"][1]["doubts"][0]["reason"] == "noise");
}

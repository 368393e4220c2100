#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <report/load_report.hpp>

#include "samples.hpp"

using namespace switchboard::bench;
using namespace switchboard::test;

namespace {

using Notes = std::vector<std::string>;

LoadReport report_of(double rate) {
    LoadReport report;
    report.plan.target = *switchboard::Endpoint::parse("127.0.0.1:7000");
    report.plan.group.connections = 10;
    report.plan.background = {{.workload = "stream", .connections = 2}};
    report.plan.rate = rate;
    return report;
}

// A step with a window of 2 s, measured for 4 s, with nothing to note.
LoadStep good_step(double rate) {
    LoadStep step;
    step.offered_rate = rate;
    Tally& tally = step.result.tally;
    tally.exchanges = 2'000;
    tally.connected = 13;
    tally.answered = 11;
    tally.served = 10;
    tally.due = rate > 0 ? 2'001 : 0;
    tally.latency = hundred(3 * kMs);
    step.result.background.resize(1);
    step.result.seconds = 2;
    step.result.lasted = 4;
    step.result.bytes = 512'000;
    step.result.cpu_seconds = 1.2;
    if (rate == 0) return step;
    tally.uncorrected = hundred(2 * kMs);
    step.result.lateness = hundred(kMs / 10);
    return step;
}

void fail_with(Tally& tally, Failure kind, std::size_t count) {
    tally.failed += count;
    tally.failures[static_cast<std::size_t>(kind)] += count;
}

// Returns the row with the first cell `first`, with bars between its cells. In the text, cells are separated
// by at least two spaces.
std::string row(const std::string& text, const std::string& first) {
    const auto begin = text.find("\n  " + first + "  ");
    REQUIRE(begin != std::string::npos);
    const std::string line = text.substr(begin + 3, text.find('\n', begin + 1) - begin - 3);
    std::string cells;
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t end = std::min(line.find("  ", at), line.size());
        cells += (at > 0 ? "|" : "") + line.substr(at, end - at);
        at = line.find_first_not_of(' ', end);
    }
    return cells;
}

}  // namespace

TEST_CASE("bench load report: a good step has no notes") {
    CHECK(notes_of(report_of(1'000), good_step(1'000)).empty());
    CHECK(notes_of(report_of(0), good_step(0)).empty());
}

TEST_CASE("bench load report: a rate that was not reached is compared with the requests due") {
    LoadStep step = good_step(1'200);
    step.result.tally.due = 2'400;
    CHECK(notes_of(report_of(1'200), step) == Notes{"rate not reached: 1,000 of 1,200"});
}

TEST_CASE(
    "bench load report: the generator is the limit if its CPU is busy and the server's is not") {
    LoadStep step = good_step(0);
    step.result.cpu_seconds = 3.8;  // of the 4 s of the measurement
    CHECK(notes_of(report_of(0), step) == Notes{"the generator's CPU was 95% busy: it may be the "
                                                "limit (--server-pid shows the server's)"});
    step.server_cpu = 3.2;
    CHECK(notes_of(report_of(0), step) ==
          Notes{"limited by the generator: its CPU was 95% busy, the server's 80%"});
    step.server_cpu = 3.8;
    CHECK(notes_of(report_of(0), step).empty());
    step.server_cpus = 2;
    CHECK(notes_of(report_of(0), step) ==
          Notes{"limited by the generator: its CPU was 95% busy, the server's 48%"});
    step.result.cpu_seconds = 3.5;
    CHECK(notes_of(report_of(0), step).empty());
}

TEST_CASE("bench load report: connections that were not served, or no longer served") {
    LoadStep step = good_step(0);
    step.result.tally.served = 8;
    CHECK(notes_of(report_of(0), step) == Notes{"served 8 of 10 connections"});
    step.result.tally.served = 10;
    step.result.tally.starved = 3;
    CHECK(notes_of(report_of(0), step) ==
          Notes{"3 connections had no reply in the second half of the window"});
    LoadStep waits = good_step(0);
    waits.result.tally.served = waits.result.tally.connected = 1;
    CHECK(notes_of(report_of(0), waits) == Notes{"served 1 of 10 connections, 1 connected"});
    // In an open loop a connection needs no reply in the window, but at least one in the run.
    LoadStep open = good_step(1'000);
    open.result.tally.served = 5;
    CHECK(notes_of(report_of(1'000), open).empty());
    open.result.tally.answered = 9;
    CHECK(notes_of(report_of(1'000), open) == Notes{"served 9 of 10 connections"});
}

TEST_CASE("bench load report: requests that were never answered") {
    LoadStep step = good_step(1'000);
    step.result.tally.unanswered = 1;
    CHECK(notes_of(report_of(1'000), step) ==
          Notes{"1 request was never answered; it counts with the time it waited"});
    step.result.tally.due = step.result.tally.unanswered = 2'000;
    CHECK(notes_of(report_of(1'000), step) ==
          Notes{"2,000 requests were never answered; they count with the time they waited; those "
                "answered in the window were due before it"});
}

TEST_CASE("bench load report: failures by kind, with those of the background apart") {
    LoadStep step = good_step(0);
    fail_with(step.result.tally, Failure::refused, 3);
    fail_with(step.result.background[0], Failure::wrong_bytes, 2);
    CHECK(
        notes_of(report_of(0), step) ==
        Notes{"3 refused", "background stream: 2 " + std::string(to_string(Failure::wrong_bytes))});
}

TEST_CASE("bench load report: an interrupted run reports only the interruption") {
    LoadStep step = good_step(1'000);
    step.result.interrupted = true;
    step.result.tally.due = 9'000;
    step.result.tally.answered = 1;
    step.result.tally.starved = 1;
    CHECK(notes_of(report_of(1'000), step) == Notes{"interrupted after 4.00 s of the window"});
    step.result.lasted = 0;
    CHECK(notes_of(report_of(1'000), step) == Notes{"interrupted before the window opened"});
}

TEST_CASE("bench load report: wrong bytes count in the load and in the background") {
    LoadStep step = good_step(0);
    fail_with(step.result.tally, Failure::reset, 5);
    CHECK_FALSE(has_wrong_bytes(step));
    fail_with(step.result.background[0], Failure::wrong_bytes, 1);
    CHECK(has_wrong_bytes(step));
    step = good_step(0);
    fail_with(step.result.tally, Failure::wrong_bytes, 1);
    CHECK(has_wrong_bytes(step));
}

TEST_CASE("bench load report: each column of the table has its own figure") {
    LoadReport report = report_of(1'000);
    report.steps = {good_step(1'000)};
    report.steps[0].server_cpu = 2.4;
    fail_with(report.steps[0].result.tally, Failure::refused, 4);
    CHECK(row(to_text(report), "offered/s") ==
          "offered/s|exchanges/s|both ways|p50|p90|p99|p99.9|p99.99|max|uncorrected p99|send delay "
          "p99|own "
          "CPU|"
          "server CPU|errors");
    CHECK(row(to_text(report), "1,000") ==
          "1,000|1,000|125 KiB/s|150 ms|270 ms|297 ms|-|-|300 ms|198 ms|9.90 ms|30%|60%|4");
    LoadReport closed = report_of(0);
    closed.steps = {good_step(0)};
    CHECK(row(to_text(closed), "closed loop") ==
          "closed loop|1,000|125 KiB/s|150 ms|270 ms|297 ms|-|-|300 ms|30%|0");
}

TEST_CASE("bench load report: the byte rate covers the time until the last connection ended") {
    LoadReport report = report_of(0);
    report.steps = {good_step(0)};
    report.steps[0].result.abandoned = true;
    CHECK(row(to_text(report), "closed loop").starts_with("closed loop|1,000|250 KiB/s|"));
}

TEST_CASE("bench load report: each field of the JSON has its own figure") {
    LoadReport report = report_of(1'000);
    report.steps = {good_step(1'000)};
    LoadStep& step = report.steps[0];
    step.server_cpu = 2.4;
    step.result.tally.starved = 6;
    step.result.tally.unanswered = 7;
    fail_with(step.result.tally, Failure::refused, 4);
    const auto json = nlohmann::json::parse(to_json(report)).at("steps").at(0);
    const auto is = [](double seconds) { return doctest::Approx(seconds).epsilon(0.001); };
    CHECK(json.at("offered_rate") == 1'000);
    CHECK(json.at("throughput") == 1'000);
    CHECK(json.at("exchanges") == 2'000);
    CHECK(json.at("seconds") == 2);
    CHECK(json.at("latency").at("count") == 100);
    CHECK(json.at("latency").at("p99").get<double>() == is(0.297));
    CHECK(json.at("latency").at("p99.9").is_null());
    CHECK(json.at("latency").at("max").get<double>() == is(0.300));
    CHECK(json.at("uncorrected").at("p99").get<double>() == is(0.198));
    CHECK(json.at("lateness").at("p99").get<double>() == is(0.0099));
    CHECK(json.at("connected") == 13);
    CHECK(json.at("served") == 10);
    CHECK(json.at("starved") == 6);
    CHECK(json.at("due") == 2'001);
    CHECK(json.at("unanswered") == 7);
    CHECK(json.at("errors") == nlohmann::json{{"refused", 4}});
    CHECK(json.at("generator_cpu_seconds") == 1.2);
    CHECK(json.at("server_cpu_seconds") == 2.4);
    CHECK(json.at("interrupted") == false);
    CHECK(json.at("notes").size() == 3);  // starved, unanswered, refused
}

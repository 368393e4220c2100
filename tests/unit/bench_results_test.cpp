#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <results.hpp>

using namespace switchboard::bench;

namespace {

Measurement measured(std::uint64_t exchanges, std::size_t served, double cpu = 0.5) {
    Measurement m;
    m.exchanges = exchanges;
    m.answered = m.served = served;
    m.seconds = 1;
    m.p50 = 100e-6;
    m.p99 = 200e-6;
    m.p999 = 300e-6;
    m.server_cpu = {cpu, 0.1, 0.4};
    m.memory = 2 * 1024 * 1024;
    return m;
}

Results two_servers() {
    Results results;
    results.options.servers = {"reactor", "iterative"};
    results.options.connections = {100};
    results.options.sizes = {64};
    results.at({"reactor", 64, 100}).rounds = {measured(10'000, 100), measured(12'000, 100),
                                               measured(5'000, 100)};
    results.at({"iterative", 64, 100}).rounds = {measured(5'000, 1), measured(6'000, 1),
                                                 measured(2'500, 1)};
    return results;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("bench results: ratios are paired, so a slow round does not count against one side") {
    const Results results = two_servers();
    const auto found = ratio(results.cells[1], results.cells[0], kThroughput);
    REQUIRE(found);
    CHECK(found->median == 0.5);
    CHECK(found->mad == 0);
    CHECK(ratio(results.cells[1], results.cells[0], kCpu)->median == 2);
}

TEST_CASE("bench results: who serves some connections only is marked, and never a zero") {
    const Results results = two_servers();
    CHECK(notes_of(results.cells[0]).empty());
    CHECK(notes_of(results.cells[1]) == "serves 1 of 100");
    CHECK(is_whole(results.cells[0]));
    CHECK_FALSE(is_whole(results.cells[1]));
    const std::string text = to_text(results);
    CHECK(has(text, "iterative*"));
    CHECK(has(text, "* iterative: serves 1 of 100"));
    CHECK(has(text, "10,000"));
    CHECK(has(text, "echo, 100 connections, 64 B messages, depth 1"));
}

TEST_CASE(
    "bench results: who is served, but too slowly for the window, is not said to wait for ever") {
    Results results = two_servers();
    for (auto& round : results.cells[1].rounds) round.answered = 100;
    CHECK(notes_of(results.cells[1]) == "replies to 1 of 100 within the window");
}

TEST_CASE("bench results: what could not be measured has no figure but a reason") {
    Results results = two_servers();
    Measurement dead;
    dead.problem = "start /x/switchboard: ended with exit status 1: address in use";
    results.cells[1].rounds = {dead};
    CHECK_FALSE(summarize(results.cells[1], kThroughput));
    CHECK_FALSE(summarize(results.cells[1], kP99));
    CHECK_FALSE(summarize(results.cells[1], kCpu));
    const Table table = tables_of(results).at(0);
    CHECK(table.rows[1][1] == "-");
    CHECK(table.rows[1].back() == "1");
    CHECK(has(table.notes.at(0), "address in use"));
}

TEST_CASE("bench results: nobody served is said, with the failures by kind") {
    Results results = two_servers();
    Measurement none;
    none.seconds = 1;
    none.connected = 90;
    none.failed = 10;
    none.failures[static_cast<std::size_t>(Failure::timed_out)] = 10;
    results.cells[1].rounds = {none, none};
    CHECK(notes_of(results.cells[1]) == "serves 0 of 100; 20 timed out");
    CHECK_FALSE(summarize(results.cells[1], kThroughput));
    CHECK(results.wrong_replies() == 0);
    results.cells[1].rounds[0].failures[static_cast<std::size_t>(Failure::wrong_bytes)] = 3;
    CHECK(results.wrong_replies() == 3);
}

TEST_CASE("bench results: user and system are told from all rounds together") {
    Results results = two_servers();
    results.cells[0].rounds[0].server_cpu = {0.5, 0.0, 0.0};
    CHECK(*user_share(results.cells[0]) == doctest::Approx(0.25));
    for (auto& round : results.cells[0].rounds) round.server_cpu.ticks = 0;
    CHECK_FALSE(user_share(results.cells[0]));
}

TEST_CASE("bench results: a generator that could do no more is named") {
    Results results = two_servers();
    for (auto& round : results.cells[0].rounds) round.generator_cpu = 0.95;
    CHECK(is_generator_bound(results.cells[0]));
    CHECK(notes_of(results.cells[0]) == "limited by the generator");
    for (auto& round : results.cells[0].rounds) round.server_cpu.total = 0.99;
    CHECK_FALSE(is_generator_bound(results.cells[0]));
}

TEST_CASE("bench results: the JSON has every round and null for what is not there") {
    Results results = two_servers();
    results.environment = {{"kernel", "Linux"}};
    results.cells[1].rounds[2] = Measurement{};
    const auto json = nlohmann::json::parse(to_json(results));
    CHECK(json["format"] == "switchboard-bench compare");
    CHECK(json["version"] == 1);
    CHECK(json["environment"]["kernel"] == "Linux");
    REQUIRE(json["cells"].size() == 2);
    CHECK(json["cells"][0]["throughput"]["median"] == 10'000);
    CHECK(json["cells"][0]["throughput_ratio"]["median"] == 1);
    CHECK(json["cells"][1]["rounds"].size() == 3);
    CHECK(json["cells"][1]["rounds"][2]["throughput"].is_null());
    CHECK(json["cells"][1]["throughput"]["rounds"] == 2);
    CHECK(json["cells"][1]["whole"] == false);
}

TEST_CASE("bench results: the page is whole, and what came from outside is escaped") {
    Results results = two_servers();
    results.command_line = "bench --json '<b>&\"'";
    const std::string page = to_html(results);
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(page.ends_with("</html>\n"));
    CHECK(has(page, "&lt;b&gt;&amp;&quot;"));
    CHECK_FALSE(has(page, "<b>"));
    CHECK_FALSE(has(page, "<script"));
    CHECK_FALSE(has(page, "<link"));
    // With gnuplot there are two plots, throughput and p99; without it the page says so.
    CHECK((count(page, "<svg") == 2 || has(page, "gnuplot is not installed")));
    CHECK_FALSE(has(page, "Warning"));
}

TEST_CASE("bench results: who was left out is named, with the reason, in each way to tell it") {
    Results results = two_servers();
    CHECK_FALSE(has(to_text(results), "Left out"));
    CHECK(nlohmann::json::parse(to_json(results))["left_out"].empty());
    results.left_out = {{"io-uring", "not <here>"}, {"libevent", "not built"}};
    CHECK(has(to_text(results), "\nLeft out: io-uring: not <here>\n"));
    CHECK(has(to_text(results), "\nLeft out: libevent: not built\n"));
    CHECK(has(to_html(results), "Left out: io-uring: not &lt;here&gt;"));
    const auto json = nlohmann::json::parse(to_json(results));
    REQUIRE(json["left_out"].size() == 2);
    CHECK(json["left_out"][0]["server"] == "io-uring");
    CHECK(json["left_out"][0]["why"] == "not <here>");
}

// Each field of the files that compare writes, of a cell in which no two figures are alike: one
// that stands in another's place is seen.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <results.hpp>

using namespace switchboard::bench;
using Json = nlohmann::json;

namespace {

// An open loop's, with all that a round can have. Powers of two where something is divided, so that
// the quotients are exact.
Measurement whole_round() {
    Measurement m;
    m.connected = 98;
    m.answered = 97;
    m.served = 96;
    m.stuck = 3;
    m.held = 95;
    m.exchanges = 16'384;
    m.seconds = 2;
    m.latencies = 5'000;
    m.p50 = 0.001;
    m.p99 = 0.004;
    m.p999 = 0.006;
    m.max = 0.008;
    m.server_cpu = {0.5, 1, 4};
    m.generator_cpu = 0.75;
    m.noise = 0.03125;
    m.memory = 4'096;
    m.switches = Switches{8'192, 2'048};
    m.asked_rate = 8'500;
    m.due = 17'000;
    m.unanswered = 7;
    m.uncorrected_p99 = 0.003;
    m.late_p99 = 0.002;
    m.failed = 5;
    m.failures[static_cast<std::size_t>(Failure::refused)] = 2;
    m.failures[static_cast<std::size_t>(Failure::timed_out)] = 3;
    return m;
}

// A round of a valid cell: `rate` times as fast as the baseline, `cpu` times as dear.
Measurement valid_round(double rate, double cpu) {
    Measurement m;
    m.connected = m.answered = m.served = 100;
    m.exchanges = m.latencies = static_cast<std::uint64_t>(16'384 * rate);
    m.seconds = 2;
    m.server_cpu = {static_cast<double>(m.exchanges) / 32'768 * cpu, 1, 4};
    return m;
}

Results beside_baseline() {
    constexpr double kRates[] = {1.25, 2.5, 1.625, 1.375, 2}, kCpus[] = {3, 7, 2.5, 4, 5};
    Results results;
    results.options.servers = {"reactor", "threads"};
    for (int round = 0; round < 5; ++round) {
        results.at({"reactor", 64, 100}).rounds.push_back(valid_round(1, 1));
        results.at({"threads", 64, 100}).rounds.push_back(valid_round(kRates[round], kCpus[round]));
    }
    return results;
}

Json json_of(const Results& results) {
    return Json::parse(to_json(results));
}

}  // namespace

TEST_CASE("bench results: each field of a round in the JSON has its own figure") {
    Results results;
    results.at({"reactor", 64, 100}).rounds = {whole_round()};
    const Json expected{{"connected", 98},
                        {"answered", 97},
                        {"served", 96},
                        {"stuck", 3},
                        {"exchanges", 16'384},
                        {"seconds", 2},
                        {"asked_rate", 8'500},
                        {"due", 17'000},
                        {"unanswered", 7},
                        {"uncorrected_p99", 0.003},
                        {"late_p99", 0.002},
                        {"generator_cpu_seconds", 0.75},
                        {"server_cpu_seconds", 0.5},
                        {"noise", 0.03125},
                        {"errors", {{"refused", 2}, {"timed out", 3}}},
                        {"problem", ""},
                        {"throughput", 8'192},
                        {"p50", 0.001},
                        {"p99", 0.004},
                        {"p99.9", 0.006},
                        {"max", 0.008},
                        {"cpu", 0.5 / 16'384},
                        {"voluntary_switches", 0.5},
                        {"involuntary_switches", 0.125},
                        {"memory", 4'096}};
    CHECK(json_of(results)["cells"][0]["rounds"][0] == expected);
    results.cells[0].rounds[0].problem = "it died";
    CHECK(json_of(results)["cells"][0]["rounds"][0]["problem"] == "it died");
}

TEST_CASE("bench results: each metric of a cell in the JSON is its own") {
    Results results;
    results.at({"reactor", 64, 100}).rounds = {whole_round()};
    const Json cell = json_of(results)["cells"][0];
    for (const Metric* metric : all_metrics()) {
        CAPTURE(std::string(metric->name));
        const Json& median = cell["rounds"][0][metric->name];
        CHECK(
            cell[metric->name] ==
            Json{{"median", median}, {"mad", 0}, {"min", median}, {"max", median}, {"rounds", 1}});
    }
    CHECK(cell["workload"] == "echo");
    CHECK(cell["server"] == "reactor");
    CHECK(cell["connections"] == 100);
    CHECK(cell["size"] == 64);
    CHECK(cell["cpu_user_share"] == 0.25);
}

TEST_CASE("bench results: a summary and both ratios in the JSON, each number in its place") {
    const Json cell = json_of(beside_baseline())["cells"][1];
    CHECK(cell["valid"] == true);
    CHECK(cell["rank"] == 1);
    CHECK(cell["no_ratio"] == "");
    CHECK(cell["throughput"] == Json{{"median", 8'192 * 1.625},
                                     {"mad", 8'192 * 0.375},
                                     {"min", 8'192 * 1.25},
                                     {"max", 8'192 * 2.5},
                                     {"rounds", 5}});
    CHECK(cell["throughput_ratio"] == Json{{"median", 1.625},
                                           {"mad", 0.375},
                                           {"min", 1.25},
                                           {"max", 2.5},
                                           {"rounds", 5},
                                           {"low", 1.25},
                                           {"high", 2.5},
                                           {"no_difference_seen", false}});
    CHECK(cell["cpu_ratio"] == Json{{"median", 4},
                                    {"mad", 1},
                                    {"min", 2.5},
                                    {"max", 7},
                                    {"rounds", 5},
                                    {"low", 2.5},
                                    {"high", 7},
                                    {"no_difference_seen", false}});
}

TEST_CASE("bench results: a knee in the JSON, found or as high as its ceiling, and its probes") {
    Results results = beside_baseline();
    results.cells[0].knees = {{.rate = 2'000, .probes = {{.rate = 3'000}}}};
    results.cells[1].knees = {
        {.rate = 1'000,
         .probes = {{.rate = 4'000, .reached = 3'900, .latency = 0.5, .why = "500 ms"},
                    {.rate = 1'000, .reached = 990, .latency = 0.25, .holds = true}}},
        {.rate = 4'000, .untold = "so fast", .probes = {{.rate = 4'000, .holds = std::nullopt}}}};
    const auto probe = [](double rate, double reached, double latency, const Json& holds,
                          const char* why) {
        return Json{{"rate", rate},
                    {"reached", reached},
                    {"latency", latency},
                    {"holds", holds},
                    {"why", why}};
    };
    const Json found{{"rate", 1'000},
                     {"at_ceiling", false},
                     {"untold", ""},
                     {"probes", Json::array({probe(4'000, 3'900, 0.5, false, "500 ms"),
                                             probe(1'000, 990, 0.25, true, "")})}};
    const Json at_ceiling{{"rate", 4'000},
                          {"at_ceiling", true},
                          {"untold", "so fast"},
                          {"probes", Json::array({probe(4'000, 0, 0, nullptr, "")})}};
    const Json knee = json_of(results)["knees"][1];
    CHECK(knee["rounds"] == Json::array({found, at_ceiling}));
    CHECK(knee["server"] == "threads");
    CHECK(knee["connections"] == 100);
    CHECK(knee["size"] == 64);
    CHECK(knee["rate"]["median"] == 1'000);
    CHECK(knee["rate"]["rounds"] == 1);
    CHECK(knee["ratio"]["median"] == 0.5);
}

TEST_CASE("bench results: each column of a line of the CSV has its own figure") {
    Results results;
    results.at({"reactor", 64, 100}).rounds = {whole_round()};
    const std::string text = to_csv(results);
    CHECK(text.substr(text.find('\n') + 1) ==
          "echo,reactor,100,64,1,no,not_all_served not_all_served not_all_served errors "
          "rate_not_reached,96,5,16384,2,0.75,0.03125,17000,7,0.003,0.002,8192,0.001,0.004,0.006,"
          "0.008,3.0517578125e-05,0.5,0.125,4096\n");
}

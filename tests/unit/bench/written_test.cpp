// Every field of the files that compare writes, for a cell in which all figures differ. So a figure in the
// wrong field is detected.
#include <doctest/doctest.h>

#include <compare/results.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system/environment.hpp>

using namespace switchboard::bench;

namespace {

// Returns a round of an open loop with every figure set. Divisors are powers of two, so that the quotients
// are exact.
Measurement whole_round() {
    Measurement m;
    m.connected = 98;
    m.answered = 97;
    m.served = 96;
    m.starved = 3;
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
    m.offered_rate = 8'500;
    m.due = 17'000;
    m.unanswered = 7;
    m.uncorrected_p99 = 0.003;
    m.send_delay_p99 = 0.002;
    m.failed = 5;
    m.failures[static_cast<std::size_t>(Failure::refused)] = 2;
    m.failures[static_cast<std::size_t>(Failure::timed_out)] = 3;
    return m;
}

// Returns a round of a valid cell, with `rate` times the throughput of the baseline and `cpu` times its CPU.
Measurement valid_round(double rate, double cpu) {
    Measurement m;
    m.connected = m.answered = m.served = 100;
    m.exchanges = m.latencies = static_cast<std::uint64_t>(16'384 * rate);
    m.seconds = 2;
    m.server_cpu = {static_cast<double>(m.exchanges) / 32'768 * cpu, 1, 4};
    return m;
}

Results five_rounds() {
    constexpr double kRates[] = {1.25, 2.5, 1.625, 1.375, 2}, kCpus[] = {3, 7, 2.5, 4, 5};
    Results results;
    results.experiment.servers = {"reactor", "threads"};
    for (int round = 0; round < 5; ++round) {
        results.at({"reactor", 64, 100}).rounds.push_back(valid_round(1, 1));
        results.at({"threads", 64, 100}).rounds.push_back(valid_round(kRates[round], kCpus[round]));
    }
    return results;
}

nlohmann::json json_of(const Results& results) {
    return nlohmann::json::parse(to_json(results));
}

// Returns the part of `schema` that `part` refers to, for a value that is not null.
nlohmann::json resolved(const nlohmann::json& schema, const nlohmann::json& part) {
    if (part.contains("$ref"))
        return resolved(
            schema,
            schema.at(nlohmann::json::json_pointer(part["$ref"].get<std::string>().substr(1))));
    return part.contains("oneOf") ? part["oneOf"].back() : part;
}

// Checks that each object in `value` has exactly the fields of the schema. Returns the number of objects.
std::size_t check_fields(const nlohmann::json& schema, const nlohmann::json& reference,
                         const nlohmann::json& value, const std::string& path) {
    CAPTURE(path);
    const nlohmann::json part = resolved(schema, reference);
    std::size_t objects = 0;
    if (value.is_array()) {
        for (const nlohmann::json& each : value)
            objects += check_fields(schema, part.at("items"), each, path + "[]");
    }
    if (!value.is_object() || !part.contains("properties")) return objects;
    std::set<std::string> written, described;
    for (const auto& entry : value.items()) written.insert(entry.key());
    for (const auto& entry : part["properties"].items()) described.insert(entry.key());
    CHECK(written == described);
    CHECK(part["required"].get<std::set<std::string>>() == described);
    for (const auto& entry : value.items())
        objects += check_fields(schema, part["properties"].at(entry.key()), entry.value(),
                                path + "/" + entry.key());
    return objects + 1;
}

nlohmann::json read_schema() {
    std::ifstream file(SWITCHBOARD_SOURCE "/bench/compare.schema.json");
    return nlohmann::json::parse(file);
}

}  // namespace

TEST_CASE("bench results: the written fields are those of the schema") {
    Results results = five_rounds();
    results.environment = describe_environment();
    results.experiment.connections = {100};
    results.experiment.sizes = {64};
    results.skipped = {{"io-uring", "not built"}};
    results.cells[0].rounds[0] = whole_round();
    for (CellRounds& cell : results.cells)
        cell.knees.assign(5, {.rate = 1'000, .probes = {{.rate = 2'000}}});
    const nlohmann::json schema = read_schema(), json = json_of(results);
    // The run, options, CPUs, environment, a sentence and the skipped servers. Two cells with nine metrics
    // each, five rounds with their errors, and the reasons of one cell. Their knees with a rate, five
    // searches and probes.
    CHECK(check_fields(schema, schema, json, "") > 6 + 2 * (1 + 9 + 5) + 2 * (1 + 1 + 5 + 5));
}

TEST_CASE("bench results: every reason, and every reason for a missing ratio, is in the schema") {
    const nlohmann::json schema = read_schema();
    const nlohmann::json cell = schema["properties"]["cells"]["items"]["properties"];
    std::set<std::string> words = cell["reasons"]["items"]["properties"]["reason"]["enum"];
    words.merge(
        cell["doubts"]["items"]["properties"]["reason"]["enum"].get<std::set<std::string>>());
    CHECK(words == std::set<std::string>(kReasonWords.begin(), kReasonWords.end()));
    const std::set<std::string> lacks = cell["no_ratio"]["enum"];
    CHECK(lacks ==
          std::set<std::string>{"", "invalid", "no baseline", "baseline invalid", "cannot tell"});
}

TEST_CASE("bench results: each field of a round in the JSON has its own figure") {
    Results results;
    results.at({"reactor", 64, 100}).rounds = {whole_round()};
    const nlohmann::json expected{{"connected", 98},
                                  {"answered", 97},
                                  {"served", 96},
                                  {"starved", 3},
                                  {"exchanges", 16'384},
                                  {"seconds", 2},
                                  {"offered_rate", 8'500},
                                  {"due", 17'000},
                                  {"unanswered", 7},
                                  {"uncorrected_p99", 0.003},
                                  {"send_delay_p99", 0.002},
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

TEST_CASE("bench results: each metric of a cell in the JSON has its own figure") {
    Results results;
    results.at({"reactor", 64, 100}).rounds = {whole_round()};
    const nlohmann::json cell = json_of(results)["cells"][0];
    for (const Metric* metric : all_metrics()) {
        CAPTURE(std::string(metric->name));
        const nlohmann::json& median = cell["rounds"][0][metric->name];
        CHECK(cell[metric->name] ==
              nlohmann::json{
                  {"median", median}, {"mad", 0}, {"min", median}, {"max", median}, {"rounds", 1}});
    }
    CHECK(cell["workload"] == "echo");
    CHECK(cell["server"] == "reactor");
    CHECK(cell["connections"] == 100);
    CHECK(cell["size"] == 64);
    CHECK(cell["cpu_user_share"] == 0.25);
}

TEST_CASE("bench results: a summary and both ratios in the JSON, with each number in its field") {
    const nlohmann::json cell = json_of(five_rounds())["cells"][1];
    CHECK(cell["valid"] == true);
    CHECK(cell["rank"] == 1);
    CHECK(cell["no_ratio"] == "");
    CHECK(cell["throughput"] == nlohmann::json{{"median", 8'192 * 1.625},
                                               {"mad", 8'192 * 0.375},
                                               {"min", 8'192 * 1.25},
                                               {"max", 8'192 * 2.5},
                                               {"rounds", 5}});
    CHECK(cell["throughput_ratio"] == nlohmann::json{{"median", 1.625},
                                                     {"mad", 0.375},
                                                     {"min", 1.25},
                                                     {"max", 2.5},
                                                     {"rounds", 5},
                                                     {"low", 1.25},
                                                     {"high", 2.5},
                                                     {"no_difference_seen", false}});
    CHECK(cell["cpu_ratio"] == nlohmann::json{{"median", 4},
                                              {"mad", 1},
                                              {"min", 2.5},
                                              {"max", 7},
                                              {"rounds", 5},
                                              {"low", 2.5},
                                              {"high", 7},
                                              {"no_difference_seen", false}});
}

TEST_CASE("bench results: a knee in the JSON, found or at its ceiling, with its probes") {
    Results results = five_rounds();
    results.cells[0].knees = {{.rate = 2'000, .probes = {{.rate = 3'000}}}};
    results.cells[1].knees = {
        {.rate = 1'000,
         .probes = {{.rate = 4'000, .reached = 3'900, .latency = 0.5, .why = "500 ms"},
                    {.rate = 1'000, .reached = 990, .latency = 0.25, .holds = true}}},
        {.rate = 4'000,
         .why_not_found = "so fast",
         .probes = {{.rate = 4'000, .holds = std::nullopt}}}};
    const auto probe = [](double rate, double reached, double latency, const nlohmann::json& holds,
                          const char* why) {
        return nlohmann::json{{"rate", rate},
                              {"reached", reached},
                              {"latency", latency},
                              {"holds", holds},
                              {"why", why}};
    };
    const nlohmann::json found{
        {"rate", 1'000},
        {"at_ceiling", false},
        {"why_not_found", ""},
        {"probes", nlohmann::json::array({probe(4'000, 3'900, 0.5, false, "500 ms"),
                                          probe(1'000, 990, 0.25, true, "")})}};
    const nlohmann::json at_ceiling{
        {"rate", 4'000},
        {"at_ceiling", true},
        {"why_not_found", "so fast"},
        {"probes", nlohmann::json::array({probe(4'000, 0, 0, nullptr, "")})}};
    const nlohmann::json knee = json_of(results)["knees"][1];
    CHECK(knee["rounds"] == nlohmann::json::array({found, at_ceiling}));
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

// How diff reads a file that compare wrote: conditions, faults and rounds.
#include <doctest/doctest.h>

#include <compare/diff.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <system/environment.hpp>

using namespace switchboard::bench;

namespace {

// Returns the JSON that compare writes for one server in three rounds, each a little faster than the last.
nlohmann::json written() {
    Results results;
    results.experiment.servers = {"reactor"};
    results.environment = describe_environment();
    for (const std::uint64_t rate : {10'000U, 10'010U, 10'020U}) {
        Measurement m;
        m.exchanges = m.latencies = rate;
        m.seconds = 1;
        m.answered = m.served = 100;
        m.p50 = 1e-3;
        m.p99 = 2e-3;
        m.p999 = 3e-3;
        m.max = 4e-3;
        results.at({"reactor", 64, 100}).rounds.push_back(m);
    }
    return nlohmann::json::parse(to_json(results));
}

Run run_of(const nlohmann::json& json) {
    return parse_run("x.json", json.dump()).value();
}

// Changes `name`, in this part of one of two files, and returns the conditions that are reported as unequal.
std::vector<std::string> unequal_by(const char* part, const std::string& name) {
    const nlohmann::json before = written();
    nlohmann::json after = before;
    REQUIRE(after.at(part).contains(name));
    after[part][name] = "another";
    return unequal_conditions(run_of(before), run_of(after));
}

std::vector<std::string> only(const char* part, const std::string& name) {
    const nlohmann::json value = written().at(part).at(name);
    const std::string was = value.is_string() ? value.get<std::string>() : value.dump();
    return {name + ": " + was + " and another"};
}

RunCell with_reasons(std::initializer_list<std::string> reasons,
                     std::initializer_list<std::string> doubts = {}) {
    nlohmann::json json = written();
    json["cells"][0]["valid"] = false;
    for (const std::string& reason : reasons)
        json["cells"][0]["reasons"].push_back({{"reason", reason}, {"text", "so it is"}});
    for (const std::string& doubt : doubts)
        json["cells"][0]["doubts"].push_back({{"reason", doubt}, {"text", "so it may be"}});
    return run_of(json).cells.at(0);
}

}  // namespace

TEST_CASE("bench run file: each condition alone makes two runs unequal, and is named") {
    for (const std::string name : {"cpu", "cpus", "governor", "kernel", "cpu_time_has_interrupts",
                                   "congestion_control", "compiler", "build_type", "flags"}) {
        CAPTURE(name);
        CHECK(unequal_by("environment", name) == only("environment", name));
    }
    for (const std::string name :
         {"workload", "reply", "depth", "background", "work_us", "rate", "arrivals", "exchanges",
          "duration_seconds", "over", "workers", "slo"}) {
        CAPTURE(name);
        CHECK(unequal_by("options", name) == only("options", name));
    }
}

TEST_CASE("bench run file: fields in which two runs may differ are not conditions") {
    for (const std::string name : {"date", "commit"}) {
        CAPTURE(name);
        CHECK(unequal_by("environment", name).empty());
    }
    for (const std::string name :
         {"servers", "connections", "sizes", "rounds", "seed", "baseline"}) {
        CAPTURE(name);
        CHECK(unequal_by("options", name).empty());
    }
}

TEST_CASE("bench run file: a server with several CPUs is a condition, with their number") {
    const nlohmann::json before = written();
    nlohmann::json after = before;
    after["cpus"]["server"] = {0, 1, 2};
    CHECK(unequal_conditions(run_of(before), run_of(after)) ==
          std::vector<std::string>{"CPUs used: one for both and the server on 3"});
}

TEST_CASE("bench run file: requests not served because of a hindrance are not the server's fault") {
    for (const std::string hindrance : {"noise", "generator_saturated"}) {
        for (const std::string reason : {"not_all_served", "rate_not_reached"}) {
            CAPTURE(hindrance);
            CAPTURE(reason);
            CHECK_FALSE(with_reasons({reason}, {hindrance}).failed);
            CHECK_FALSE(with_reasons({reason}, {hindrance}).valid);
            CHECK(with_reasons({reason}).failed);
        }
        for (const std::string reason : {"errors", "not_measured"}) {
            CAPTURE(reason);
            CHECK(with_reasons({reason}, {hindrance}).failed);
        }
    }
    CHECK_FALSE(with_reasons({"not_all_served", "rate_not_reached"}, {"noise"}).failed);
}

// Rounds with too few replies are slow ones. A percentile of the other rounds alone would look better.
TEST_CASE(
    "bench run file: a percentile that one round lacks is dropped, and other figures are kept") {
    nlohmann::json json = written();
    for (const std::string name : {"p50", "p99", "p99.9", "max", "throughput"})
        json["cells"][0]["rounds"][1][name] = nullptr;
    const RunCell cell = run_of(json).cells.at(0);
    const Rounds none{std::nullopt, std::nullopt, std::nullopt};
    for (const Metric* metric : {&kP50, &kP99, &kP999}) {
        CAPTURE(std::string(metric->name));
        CHECK(cell.rounds_of(*metric) == none);
    }
    CHECK(cell.rounds_of(kMax) == Rounds{4e-3, std::nullopt, 4e-3});
    CHECK(cell.rounds_of(kThroughput) == Rounds{10'000.0, std::nullopt, 10'020.0});
    const RunCell whole = run_of(written()).cells.at(0);
    CHECK(whole.rounds_of(kP50) == Rounds{1e-3, 1e-3, 1e-3});
    CHECK(whole.rounds_of(kP99) == Rounds{2e-3, 2e-3, 2e-3});
    CHECK(whole.rounds_of(kP999) == Rounds{3e-3, 3e-3, 3e-3});
}

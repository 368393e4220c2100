// `switchboard-bench micro` as a program: every part runs, and errors are reported.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <process.hpp>
#include <regex>
#include <sstream>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;

namespace {

const std::string kShort = "--benchmark_min_time=0.001";

std::vector<std::string> listed(const std::string& filter) {
    const auto done =
        run({kBench, "micro", "--benchmark_list_tests", "--benchmark_filter=" + filter});
    CHECK(done.status == 0);
    std::vector<std::string> names;
    std::istringstream lines(done.output);
    for (std::string line; std::getline(lines, line);) names.push_back(line);
    return names;
}

// Runs the parts that match the filter, each for a moment.
void check_that_they_run(const std::string& filter) {
    CAPTURE(filter);
    const auto names = listed(filter);
    const auto done =
        run({kBench, "micro", kShort, "--benchmark_filter=" + filter, "--benchmark_format=json"});
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    const auto json = nlohmann::json::parse(done.output);
    REQUIRE(json["benchmarks"].size() == names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& each = json["benchmarks"][i];
        CAPTURE(each.dump());
        CHECK(each["name"] == names[i]);
        CHECK_FALSE(each.value("error_occurred", false));
        CHECK(each.value("real_time", 0.0) > 0);
    }
}

}  // namespace

TEST_CASE("bench micro: the list has every part, and each name contains its parameters") {
    const auto names = listed("all");
    const std::regex shape("BM_[A-Za-z0-9]+(/[a-z]+:[a-z0-9_-]+)+(/real_time)?");
    for (const std::string& name : names) CHECK_MESSAGE(std::regex_match(name, shape), name);
    for (const std::string part :
         {"BM_ProtocolRunner/call:data", "BM_FramingFront/kind:varint/size:16",
          "BM_FramingEncode/kind:prefixed/size:256", "BM_FramingWrite/kind:fixed/size:4096",
          "BM_FrameHandler/kind:delimited/size:16", "BM_LineHandler/size:16",
          "BM_EndpointParse/form:tcp6", "BM_Histogram/operation:record",
          "BM_DeadlineRearm/order:in_turn/armed:1000", "BM_WheelMove/order:at_random/armed:1000000",
          "BM_UvTimerRearm/order:in_turn/armed:1000", "BM_Post/producers:1/real_time",
          "BM_Post/producers:2/real_time", "BM_Datagrams/joined:by_both",
          "BM_Utf8/text:ascii/size:64"}) {
        CHECK_MESSAGE(std::count(names.begin(), names.end(), part) == 1, part);
    }
}

TEST_CASE("bench micro: parts without sockets run") {
    check_that_they_run(
        "^BM_(ProtocolRunner|FramingFront|FramingEncode|FramingWrite|FrameHandler|LineHandler)/");
    check_that_they_run("^BM_(EndpointParse|Histogram)/");
}

TEST_CASE("bench micro: timers, posts and datagrams run") {
    check_that_they_run("^BM_(DeadlineRearm|WheelMove|UvTimerRearm)/.*/armed:1000$");
    check_that_they_run("^BM_(Post|Datagrams)/");
}

TEST_CASE("bench micro: a filter that matches nothing is an error") {
    const auto done = run({kBench, "micro", "--benchmark_filter=BM_Telepathy"});
    CHECK(done.status == 1);
    CHECK(done.output.empty());
    CHECK(has(done.errors, "BM_Telepathy"));
}

TEST_CASE("bench micro: usage errors exit 2, and help lists Google Benchmark's flags") {
    for (const std::string flag : {"--benchmark_luck=good", "--benchmark_min_time=soon", "echo"}) {
        const auto done = run({kBench, "micro", flag});
        CAPTURE(flag);
        CHECK(done.status == 2);
        CHECK(done.output.empty());
        CHECK(has(done.errors, flag));
    }
    const auto help = run({kBench, "micro", "--help"});
    CHECK(help.status == 0);
    CHECK(has(help.output, "--benchmark_min_time"));
}

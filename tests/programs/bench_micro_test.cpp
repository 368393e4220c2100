// switchboard-bench micro from outside: that every part runs, and what it says when things are not right.
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

// Runs those that the filter leaves, each for a moment.
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

TEST_CASE("bench micro: the list has every part, each named by what it is over") {
    const auto names = listed("all");
    const std::regex shape("BM_[A-Za-z]+(/[a-z]+:[a-z0-9_-]+)+(/real_time)?");
    for (const std::string& name : names) CHECK_MESSAGE(std::regex_match(name, shape), name);
    for (const std::string part :
         {"BM_Slot/call:data", "BM_FramingFront/kind:varint/size:16",
          "BM_FramingEncode/kind:prefixed/size:256", "BM_FramingWrite/kind:fixed/size:4096",
          "BM_FrameHandler/kind:delimited/size:16", "BM_LineHandler/size:16",
          "BM_EndpointParse/form:tcp6", "BM_Histogram/operation:record",
          "BM_DeadlineRearm/order:in_turn/armed:1000", "BM_WheelMove/order:at_random/armed:1000000",
          "BM_UvTimerRearm/order:in_turn/armed:1000", "BM_Post/producers:1/real_time",
          "BM_Post/producers:2/real_time", "BM_Datagrams/joined:by_both"}) {
        CHECK_MESSAGE(std::count(names.begin(), names.end(), part) == 1, part);
    }
}

TEST_CASE("bench micro: every driver echoes, one at a time only to one connection") {
    const auto names = listed("^BM_Echo/");
    const auto count = [&](const std::string& driver, const std::string& connections) {
        return std::count(
            names.begin(), names.end(),
            "BM_Echo/driver:" + driver + "/connections:" + connections + "/size:64/real_time");
    };
    for (const std::string driver : {"memory", "reactor", "iterative", "threads", "thread-pool",
                                     "processes", "process-pool"}) {
        CAPTURE(driver);
        CHECK(count(driver, "1") == 1);
        CHECK(count(driver, "100") == (driver == "iterative" ? 0 : 1));
    }
}

TEST_CASE("bench micro: parts without sockets run") {
    check_that_they_run(
        "^BM_(Slot|FramingFront|FramingEncode|FramingWrite|FrameHandler|LineHandler)/");
    check_that_they_run("^BM_(EndpointParse|Histogram)/");
}

TEST_CASE("bench micro: timers, posts and datagrams run") {
    check_that_they_run("^BM_(DeadlineRearm|WheelMove|UvTimerRearm)/.*/armed:1000$");
    check_that_they_run("^BM_(Post|Datagrams)/");
}

TEST_CASE("bench micro: an exchange with every driver") {
    check_that_they_run("^BM_Echo/.*/connections:1/");
}

TEST_CASE("bench micro: an exchange on each of a hundred connections") {
    check_that_they_run("^BM_Echo/driver:(memory|reactor|threads)/connections:100/size:64/");
    check_that_they_run("^BM_Echo/driver:(thread-pool|process.*)/connections:100/size:64/");
}

TEST_CASE("bench micro: a benchmark that fails says why, and fails the run") {
    // In a network of its own, where not even the loopback interface is up.
    const auto done =
        run({"unshare", "--net", kBench, "micro", kShort,
             "--benchmark_filter=Slot/call:data$|driver:threads/connections:1/size:64"});
    if (has(done.errors, "unshare:")) {
        MESSAGE("no network namespaces here: nothing checked");
        return;
    }
    CHECK(done.status == 1);
    CHECK(has(done.output, "BM_Slot/call:data "));
    CHECK(has(done.output, "ERROR OCCURRED: 'connect tcp://127.0.0.1:"));
    CHECK(has(done.output, "network is unreachable'"));
}

TEST_CASE("bench micro: a filter that leaves nothing is an error, not a success") {
    const auto done = run({kBench, "micro", "--benchmark_filter=BM_Telepathy"});
    CHECK(done.status == 1);
    CHECK(done.output.empty());
    CHECK(has(done.errors, "BM_Telepathy"));
}

TEST_CASE("bench micro: usage errors exit 2, and help tells Google Benchmark's flags") {
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

// `switchboard-bench self-test` as a program.
#include <doctest/doctest.h>

#include <process.hpp>

#include "bench.hpp"

using namespace switchboard::support;
using namespace switchboard::test;

TEST_CASE("bench self-test: usage errors are one line and exit status 2") {
    for (const auto& [option, value, named] : std::vector<std::array<std::string, 3>>{
             {"--stalls", "0", "--stalls 0: must be 1 to 100"},
             {"--rounds", "0", "--rounds 0: must be 1 to 1000"},
             {"--rounds", "many", "--rounds"},
             {"--connections", "10001", "--connections 10001: must be 1 to 10000"}}) {
        const auto done = run({kBench, "self-test", option, value});
        CAPTURE(done.errors);
        CHECK(done.status == 2);
        CHECK(std::count(done.errors.begin(), done.errors.end(), '\n') == 1);
        CHECK(has(done.errors, named));
        CHECK(done.output.empty());
    }
}

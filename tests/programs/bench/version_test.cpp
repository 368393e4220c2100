// The version and help of switchboard-bench.
#include <doctest/doctest.h>

#include <algorithm>
#include <process.hpp>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::test;

TEST_CASE(
    "bench: --version prints version, compiler and build in one line, and --help lists the rest") {
    const auto version = support::run({kBench, "--version"});
    CHECK(version.status == 0);
    CHECK(version.errors.empty());
    CHECK(version.output.starts_with("switchboard-bench 0."));
    CHECK(std::count(version.output.begin(), version.output.end(), '\n') == 1);
    CHECK(std::count(version.output.begin(), version.output.end(), ',') >= 2);
    CHECK_FALSE(has(version.output, ", ,"));
    CHECK_FALSE(has(version.output, "  "));
    const auto help = support::run({kBench, "--help"});
    CHECK(help.status == 0);
    for (const std::string name : {"compare", "cost", "micro", "self-test", "--version"})
        CHECK(has(help.output, name));
}

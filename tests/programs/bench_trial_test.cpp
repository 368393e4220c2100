// switchboard-bench trial from outside: each trial on a small scale, where only what must be exact is
// judged, and what it says when things are not right.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <process.hpp>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
namespace fs = std::filesystem;

namespace {

// Whether there is a line with this and, further on, that.
bool has_line(const std::string& text, const std::string& start, const std::string& rest) {
    const auto at = text.find("\n" + start);
    const auto end = text.find('\n', at + 1);
    return at != std::string::npos && has(text.substr(at, end - at), rest);
}

}  // namespace

TEST_CASE("bench trial churn: 2,000 connections leave no descriptor and no object") {
    const auto done = run(
        {kBench, "trial", "churn", "--connections", "2000", "--parallel", "20", "--rounds", "0"});
    CAPTURE(done.output);
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(has_line(done.output, "connected, echoed, closed", "2,000  2,000  ok"));
    CHECK(has_line(done.output, "descriptors of the server", "ok"));
    CHECK(has_line(done.output, "accepted", "2,000  2,000  ok"));
    CHECK(has_line(done.output, "open", "ok"));
    CHECK(has_line(done.output, "live protocol objects", "ok"));
    CHECK_FALSE(has(done.output, "rate to"));
    CHECK(has(done.output, "all bounds hold"));
}

TEST_CASE("bench trial churn: one round compares, and decides nothing") {
    const auto done = run({kBench, "trial", "churn", "--connections", "1", "--parallel", "20",
                           "--rounds", "1", "--round-connections", "200"});
    CAPTURE(done.output);
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    for (const std::string where : {"a CPU each", "one CPU for both"})
        CHECK(has_line(done.output, "rate to bare-epoll's, " + where, "too few rounds to judge"));
}

TEST_CASE("bench trial churn: a server that serves otherwise is told by what went wrong") {
    const BenchFolder refusing;
    refusing.script("switchboard",
                    "exec " SWITCHBOARD_BIN "/switchboard serve echo --limit max_connections=1");
    const auto done = run({refusing.bench(), "trial", "churn", "--connections", "100", "--parallel",
                           "20", "--rounds", "0"});
    CHECK(done.status == 1);
    CHECK(has(done.errors, "warm-up: "));
    CHECK((has(done.errors, "closed by the server") || has(done.errors, "reset")));
    const auto crowd =
        run({refusing.bench(), "trial", "crowd", "--servers", "1", "--connections", "20"});
    CHECK(crowd.status == 1);
    CHECK(has_line(crowd.output, "failed", "BROKEN"));
}

TEST_CASE("bench trial firehose: the others are served beside a peer that never reads") {
    const auto done = run({kBench, "trial", "firehose", "--idle", "100", "--others", "3",
                           "--rounds", "1", "--duration", "100ms"});
    CAPTURE(done.output);
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(has_line(done.output, "p99 beside nobody", "s"));
    CHECK(has_line(done.output, "p99, ratio: one that never reads", "too few rounds to judge"));
    CHECK(has_line(done.output, "sent by one that never reads", "over 1 connection"));
}

TEST_CASE("bench trial crowd: 200 connections over two servers are held, and each echoes") {
    const auto done = run({kBench, "trial", "crowd", "--servers", "2", "--connections", "200"});
    CAPTURE(done.output);
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(has_line(done.output, "connected", "200  200  ok"));
    CHECK(has_line(done.output, "held at once by the servers", "ok"));
    CHECK(has_line(done.output, "echoed once, every byte right", "ok"));
    CHECK(has(done.output, "too few to judge"));
}

TEST_CASE("bench trial: usage errors are one line and exit status 2") {
    for (const auto& [arguments, named] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{}, "trial: a name"},
             {{"flood"}, "flood"},
             {{"churn", "--connections", "0"}, "--connections 0: 1 to "},
             {{"churn", "--parallel", "999999999"}, "--parallel 999999999: 1 to "},
             {{"churn", "--rounds", "many"}, "--rounds"},
             {{"churn", "--baseline", "reactor"}, "--baseline reactor: bare-epoll, "},
             {{"firehose", "--rounds", "0"}, "--rounds 0: 1 to "},
             {{"firehose", "--duration", "1ms"}, "--duration 1ms: at least 50ms"},
             {{"crowd", "--servers", "0"}, "--servers 0: 1 to "},
             {{"crowd", "--connections", "9999999"}, "--connections 9999999: 8 to "}}) {
        std::vector<std::string> command{kBench, "trial"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const auto done = run(command);
        CAPTURE(done.errors);
        CHECK(done.status == 2);
        CHECK(std::count(done.errors.begin(), done.errors.end(), '\n') == 1);
        CHECK(has(done.errors, named));
        CHECK(done.output.empty());
    }
}

TEST_CASE("bench trial truth: usage") {
    CHECK(run({kBench, "trial", "truth", "--stalls", "0"}).status == 2);
    CHECK(run({kBench, "trial", "truth", "--rounds", "0"}).status == 2);
}

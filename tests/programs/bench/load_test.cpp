// `switchboard-bench load` as a program.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <process.hpp>
#include <sstream>
#include <system/cpus.hpp>

#include "bench.hpp"
#include "loopback.hpp"
#include "server.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
using programs::Server;

namespace {

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("bench load: a server under load, as text and as JSON") {
    const BenchFolder folder;
    Server server({"echo"});
    const auto done =
        run({kBench, "load", server.endpoint(), "-c", "5", "--depth", "2", "--duration", "200ms",
             "--warm-up", "20ms", "--server-pid", std::to_string(server.process().id()), "--json",
             folder.file("o.json"), "--hgrm", folder.file("o.hgrm")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "echo to " + server.endpoint() + ", 5 connections, 64 B, depth 2"));
    CHECK(has(done.output, "closed loop"));
    CHECK(has(done.output, "own CPU  server CPU  errors"));
    const auto json = read_json(folder.file("o.json"));
    CHECK(json["cpus"].size() >= 1);
    CHECK(json["format"] == "switchboard-bench load");
    CHECK(json["target"] == server.endpoint());
    CHECK(json["environment"].contains("kernel"));
    const auto step = json["steps"][0];
    CHECK(step["offered_rate"].is_null());
    CHECK(step["exchanges"] > 50);
    CHECK(step["served"] == 5);
    CHECK(step["latency"]["count"] == step["exchanges"]);
    CHECK(step["latency"]["p50"] <= step["latency"]["p99"]);
    CHECK(step["uncorrected"].is_null());
    CHECK(step["server_cpu_seconds"] > 0);
    std::stringstream hgrm;
    hgrm << std::ifstream(folder.file("o.hgrm")).rdbuf();
    CHECK(has(hgrm.str(), "1/(1-Percentile)"));
    const std::string total = hgrm.str().substr(hgrm.str().find("Total count"));
    CHECK(has(total.substr(0, total.find(']')), " " + step["exchanges"].dump()));
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("bench load: a run that is not pinned says so once, before the measurement" *
          doctest::skip(bench::allowed_cpus().size() < 2)) {
    Server server({"echo"});
    Process endless({kBench, "load", server.endpoint(), "--duration", "1h"});
    while (!has(endless.read_error_line(), "not pinned: ")) {
    }
    endless.signal(SIGINT);
    CHECK(endless.wait().status == 130);
    const std::vector<std::string> twice{
        "taskset",    "-c",       std::to_string(bench::allowed_cpus().front()),
        kBench,       "load",     server.endpoint(),
        "--duration", "50ms",     "--warm-up",
        "1ms",        "--rounds", "2"};
    const auto pinned = run(twice);
    CHECK(pinned.status == 0);
    CHECK(pinned.errors.empty());
    const auto free = run({twice.begin() + 3, twice.end()});
    CHECK(free.status == 0);
    CHECK(lines_of(free.errors) == 1);
    CHECK(has(free.errors, "not pinned: "));
}

TEST_CASE("bench load: runs without the standard descriptors") {
    const BenchFolder folder;
    Server server({"echo"});
    const std::string command = kBench + std::string(" load ") + server.endpoint() +
                                " --duration 100ms --warm-up 20ms --json " + folder.file("o.json");
    for (const char* closed : {" <&-", " 2>&-", " <&- 2>&-"}) {
        CAPTURE(closed);
        CHECK(run({"sh", "-c", command + closed}).status == 0);
    }
    const auto unheard = run({"sh", "-c", command + " >&-"});
    CHECK(unheard.status == 1);
    CHECK(has(unheard.errors, "write to stdout: bad file descriptor"));
    CHECK(read_json(folder.file("o.json"))["steps"][0]["exchanges"] > 0);
}

TEST_CASE("bench load: one line per rate of an open loop, with uncorrected figures beside it") {
    const BenchFolder folder;
    Server server({"echo"});
    const auto done =
        run({kBench, "load", server.endpoint(), "-c", "5", "--rate", "500..1k:250", "--arrivals",
             "poisson", "--duration", "200ms", "--json", folder.file("o.json")});
    CAPTURE(done.output);
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "uncorrected p99"));
    const auto json = read_json(folder.file("o.json"));
    REQUIRE(json["steps"].size() == 3);
    CHECK(json["options"]["arrivals"] == "poisson");
    CHECK(json["steps"][2]["offered_rate"] == 1'000);
    for (const auto& step : json["steps"]) {
        CHECK(step["latency"]["count"] == step["due"]);
        CHECK(step["uncorrected"]["p50"] <= step["latency"]["p50"]);
    }
}

TEST_CASE("bench load: every workload has a server that serves it") {
    const std::string list = run({kBench, "load", "--list"}).output;
    const std::string known = programs::switchboard({"protocols"}).output;
    CHECK(lines_of(list) == 14);
    for (std::size_t at = 0; (at = list.find("(serve ", at)) != std::string::npos; ++at) {
        const std::string protocol = list.substr(at + 7, list.find(')', at) - at - 7);
        CHECK_MESSAGE(has("\n" + known, "\n" + protocol + " "), protocol);
    }
    Server server({"reply", "--option", "work=1000"});
    const auto done = run({kBench, "load", server.endpoint(), "--workload", "reply", "--size", "20",
                           "--reply", "20k", "--duration", "100ms", "--background", "idle:3"});
    CHECK(done.status == 0);
    CHECK(has(done.output, "reply to "));
    CHECK(has(done.output, "background idle:3"));
    CHECK_FALSE(has(done.output, "background idle: "));  // this would name a failure
}

TEST_CASE("bench load: a wrong byte fails the run") {
    const FaultyEcho faulty;
    const auto done = run({kBench, "load", faulty.endpoint().to_string(), "--duration", "100ms"});
    CHECK(done.status == 1);
    CHECK(has(done.output, "1 wrong bytes"));
    CHECK(has(done.errors, "wrong bytes came back"));
}

TEST_CASE("bench load: if nothing can be measured, it says why") {
    std::string nobody;
    {
        const Listener listener;
        nobody = listener.at.to_string();
    }
    for (const std::string rate : {"", "1k..3k:1k"}) {
        CAPTURE(rate);
        std::vector<std::string> command{kBench, "load", nobody, "-c", "3", "--duration", "1h"};
        if (!rate.empty()) command.insert(command.end(), {"--rate", rate});
        const auto done = run(command);  // ends at once and does not measure for an hour
        CHECK(done.status == 1);
        CHECK(done.output.empty());
        CHECK(has(done.errors, "connect " + nobody + ": 3 refused\n"));
        CHECK(lines_of(done.errors) == 1);
    }
}

TEST_CASE("bench load: a connect that gets no answer is reported") {
    const FullListener full("127.0.0.1:0");
    const auto done = run({kBench, "load", full.listener.at.to_string(), "-c", "2"});
    CHECK(done.status == 1);
    CHECK(done.errors == "switchboard-bench: connect " + full.listener.at.to_string() +
                             ": no answer within 1000 ms\n");
}

TEST_CASE("bench load: usage errors are one line and exit status 2") {
    const std::string at = "tcp://127.0.0.1:1";
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                      {"nowhere"},
                                                      {"udp://127.0.0.1:1"},
                                                      {at, "--depth", "-1"},
                                                      {at, "--workload", "nothing"},
                                                      {at, "--rate", "fast"},
                                                      {at, "--rate", "10", "--workload", "upload"},
                                                      {at, "--rate", "10", "--exchanges", "5"},
                                                      {at, "--arrivals", "never"},
                                                      {at, "--background", "idle"},
                                                      {at, "--background", "idle:0"},
                                                      {at, "--background", "nothing:1"},
                                                      {at, "-c", "0"},
                                                      {at, "-c", "999999"},
                                                      {at, "--size", "0"},
                                                      {at, "--duration", "1ms"},
                                                      {at, "--server-pid", "999999999"}}) {
        std::vector<std::string> command{kBench, "load"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const auto done = run(command);
        CAPTURE(arguments.size() > 1 ? arguments[1] : "");
        CAPTURE(done.errors);
        CHECK(done.status == 2);
        CHECK(lines_of(done.errors) == 1);
        CHECK(done.output.empty());
    }
}

TEST_CASE("bench load: a file that cannot be written is named before anything runs") {
    const auto done = run({kBench, "load", "tcp://127.0.0.1:1", "--json", "/nowhere/at/all.json"});
    CHECK(done.status == 1);
    CHECK(has(done.errors, "write /nowhere/at/all.json: no such file"));
    CHECK(done.output.empty());
}

TEST_CASE("bench load: a file is written once, and if one cannot be written, the other is") {
    const BenchFolder folder;
    Server server({"echo"});
    const auto load_to = [&](const std::string& json) {
        return run({kBench, "load", server.endpoint(), "--duration", "50ms", "--warm-up", "1ms",
                    "--hgrm", folder.file("o"), "--json", json});
    };
    const auto refused = load_to(folder.file("./o"));
    CHECK(refused.status == 2);
    CHECK(has(refused.errors, "/o is given more than once"));
    CHECK_FALSE(std::filesystem::exists(folder.file("o")));
    const auto failed = load_to("/dev/full");
    CHECK(failed.status == 1);
    CHECK(has(failed.errors, "write /dev/full: no space left on device"));
    CHECK(std::filesystem::exists(folder.file("o")));
}

TEST_CASE(
    "bench load: Ctrl-C before the window is reported, and so are the rates that were not run") {
    Server server({"echo"});
    Process bench({kBench, "load", server.endpoint(), "--duration", "1h", "--warm-up", "1h",
                   "--rate", "1..3:1"});
    while (!has(bench.read_error_line(), "1 connected")) {
    }
    bench.signal(SIGINT);
    const auto done = bench.wait();
    CHECK(done.status == 130);
    CHECK(has(done.output, "interrupted before the window opened"));
    CHECK(has(done.output, "2 more rates were not run"));
    CHECK_FALSE(has(done.output, "served 0 of 1"));
}

TEST_CASE("bench load: Ctrl-C prints what was measured by then") {
    Server server({"echo"});
    Process bench({kBench, "load", server.endpoint(), "--duration", "1h", "--warm-up", "1ms"});
    // The second line of progress comes after five seconds of the window.
    while (!has(bench.read_error_line(), " s, ")) {
    }
    bench.signal(SIGINT);
    const auto done = bench.wait();
    CHECK(done.status == 130);
    CHECK(has(done.output, "closed loop"));
    CHECK_FALSE(has(done.output, "closed loop            0"));
    CHECK(has(done.output, "interrupted after "));
}

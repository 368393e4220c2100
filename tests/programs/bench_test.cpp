// switchboard-bench from outside: a run of compare, and what it says when things are not right.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <process.hpp>
#include <switchboard/socket.hpp>
#include <thread>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
namespace fs = std::filesystem;

namespace {

// Serves one connection after another and sends back every byte but the 100th, which it turns over.
class FaultyEcho {
public:
    FaultyEcho()
        : listener_(*listen(*Endpoint::parse("127.0.0.1:0"))),
          endpoint_(*listener_.local()),
          thread_([this] { serve(); }) {}
    ~FaultyEcho() {
        listener_.shutdown();
        thread_.join();
    }
    const Endpoint& endpoint() const { return endpoint_; }

private:
    void serve() {
        while (auto peer = listener_.accept()) {
            std::array<std::byte, 4096> buffer{};
            std::size_t seen = 0;
            for (;;) {
                const auto got = peer->receive(buffer);
                if (!got || *got == 0) break;
                if (seen < 100 && seen + *got >= 100) buffer[99 - seen] ^= std::byte{1};
                seen += *got;
                if (!peer->send_all(Bytes(buffer).first(*got))) break;
            }
        }
    }

    Socket listener_;
    Endpoint endpoint_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("bench compare: two servers, one round, told on stdout, as JSON and as a page") {
    const BenchFolder folder;
    const auto done = run({kBench,          "compare",
                           "--drivers",     "threads,bare-epoll",
                           "--baseline",    "threads",
                           "--connections", "3",
                           "--size",        "64",
                           "--rounds",      "1",
                           "--duration",    "200ms",
                           "--seed",        "7",
                           "--json",        folder.file("o.json"),
                           "--report",      folder.file("o.html")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "echo, 3 connections, 64 B messages, depth 1"));
    CHECK(has(done.output, "seed 7"));
    const auto json = read_json(folder.file("o.json"));
    REQUIRE(json["cells"].size() == 2);
    for (const auto& cell : json["cells"]) {
        CAPTURE(cell.dump());
        CHECK(cell["valid"] == cell["reasons"].empty());
        CHECK(cell["connections"] == 3);
        CHECK(cell["throughput"]["median"] > 100);
        CHECK(cell["p50"]["median"] <= cell["p99.9"]["median"]);
        CHECK(cell["cpu"]["median"] > 1e-7);
        CHECK(cell["memory"]["median"] > 10'000);
        CHECK(cell["voluntary_switches"]["median"] >= 0);
        CHECK(cell["rounds"][0]["served"] == 3);
        CHECK(cell["rounds"][0]["errors"].empty());
        // A busy machine may make it invalid, and then it has no ratio.
        CHECK(cell["throughput_ratio"].is_null() == !cell["no_ratio"].get<std::string>().empty());
    }
    CHECK(json["environment"].contains("kernel"));
    CHECK(json["options"]["seed"] == 7);
    std::ifstream page(folder.file("o.html"));
    CHECK(has(std::string(std::istreambuf_iterator<char>(page), {}), "bare-epoll"));
}

TEST_CASE("bench compare: over unix sockets drivers and peers serve the same, and leave no file") {
    const BenchFolder folder;
    const auto done = run({"env", "TMPDIR=" + folder.file(""), kBench, "compare", "--drivers",
                           "reactor,bare-epoll,bare-uv,bare-uv-poll", "--over", "unix",
                           "--connections", "3", "--size", "64", "--rounds", "1", "--duration",
                           "100ms", "--json", folder.file("o.json")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "unix sockets"));
    const auto json = read_json(folder.file("o.json"));
    CHECK(json["options"]["over"] == "unix");
    for (const auto& cell : json["cells"]) CHECK(cell["rounds"][0]["served"] == 3);
    for (const auto& entry : fs::directory_iterator(folder.file("")))
        CHECK_FALSE(entry.is_socket());
}

TEST_CASE("bench compare: the iterative server's waiting connections are shown, not skipped") {
    const BenchFolder folder;
    const auto done =
        run({kBench, "compare", "--drivers", "iterative", "--connections", "5", "--size", "64",
             "--rounds", "1", "--duration", "200ms", "--json", folder.file("o.json")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "* iterative: serves 1 of 5"));
    const auto cell = read_json(folder.file("o.json"))["cells"][0];
    CHECK(cell["valid"] == false);
    CHECK(cell["reasons"][0]["reason"] == "not_all_served");
    CHECK(cell["rank"].is_null());
    CHECK(cell["throughput"]["median"] > 0);
    CHECK(cell["throughput_ratio"].is_null());
}

TEST_CASE("bench compare: a server that returns wrong bytes fails the run") {
    const FaultyEcho faulty;
    const BenchFolder folder;
    folder.script("bare-epoll", "echo 'listening on " + faulty.endpoint().to_string() +
                                    " (echo, faulty)'; exec sleep 60");
    const auto done = run({folder.bench(), "compare", "--drivers", "bare-epoll", "--connections",
                           "1", "--size", "64", "--rounds", "1", "--duration", "100ms"});
    CHECK(done.status == 1);
    CHECK(has(done.output, "1 wrong bytes"));
    CHECK(has(done.errors, "wrong bytes came back on 1 connection"));
}

TEST_CASE("bench compare: a server that does not start is a reason in its cell") {
    const BenchFolder folder;
    folder.script("bare-epoll", "echo 'no luck today' >&2; exit 3");
    const auto done = run({folder.bench(), "compare", "--drivers", "bare-epoll", "--connections",
                           "1", "--size", "64", "--rounds", "1", "--duration", "100ms"});
    CHECK(done.status == 1);
    CHECK(has(done.errors, "nothing could be measured"));
    CHECK(has(done.output, "ended with exit status 3: no luck today"));
    CHECK_FALSE(has(done.output, " 0 us"));
}

TEST_CASE("bench compare: a server program that is missing is named before anything is run") {
    const BenchFolder folder;
    const auto done = run({folder.bench(), "compare", "--quick"});
    CHECK(done.status == 1);
    CHECK(has(done.errors, folder.file("switchboard") + ": no such file"));
    CHECK(done.output.empty());
}

TEST_CASE("bench compare: usage errors are one line and exit status 2") {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{kBench},
          {kBench, "compare", "--rounds", "0"},
          {kBench, "compare", "--connections", "4000000000"},
          {kBench, "contrast"}}) {
        const auto done = run(arguments);
        CAPTURE(done.errors);
        CHECK(done.status == 2);
        CHECK(std::count(done.errors.begin(), done.errors.end(), '\n') == 1);
        CHECK(done.output.empty());
    }
}

TEST_CASE("bench compare: Ctrl-C prints what was measured and leaves no server behind") {
    const BenchFolder folder;
    folder.script("bare-epoll",
                  "echo $$ >> " + folder.file("pids") + "; exec " SWITCHBOARD_BIN "/bare-epoll");
    Process bench({folder.bench(), "compare", "--drivers", "bare-epoll", "--connections", "1",
                   "--size", "64", "--rounds", "1000", "--duration", "100ms"});
    for (int round = 0; round < 2; ++round) bench.read_error_line();  // two rounds are over
    bench.signal(SIGINT);
    const auto done = bench.wait();
    CHECK(done.status == 130);
    CHECK(has(done.output, "bare-epoll"));
    CHECK(has(done.output, "Interrupted"));
    std::ifstream pids(folder.file("pids"));
    for (pid_t pid = 0; pids >> pid;) CHECK(kill(pid, 0) == -1);
}

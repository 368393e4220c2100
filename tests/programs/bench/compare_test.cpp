// `switchboard-bench compare` as a program: its output, and its errors.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <process.hpp>
#include <sstream>

#include <base/text.hpp>
#include <system/cpus.hpp>
#include <system/server_process.hpp>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;
namespace fs = std::filesystem;

namespace {

// Without the peers that cannot run here. Drivers always can.
std::vector<std::string> available(const std::vector<std::string>& servers) {
    const auto cpus = bench::plan_cpus(bench::Cpus::apart);
    REQUIRE(cpus);
    std::vector<std::string> found;
    for (const std::string& name : servers) {
        const auto kind = bench::find_server_kind(name);
        REQUIRE(kind);
        const std::string why = kind->may_be_missing()
                                    ? bench::why_unavailable(*kind, SWITCHBOARD_BIN, cpus->server)
                                    : "";
        if (why.empty()) found.push_back(name);
        if (!why.empty()) MESSAGE(name << " left out: " << why);
    }
    return found;
}

struct WebRow {
    std::string workload, over, size;
    std::vector<std::string> servers;
};

}  // namespace

TEST_CASE("bench compare: two servers and one round, on stdout, as JSON and as a page") {
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
        CHECK(cell["rounds"][0]["problem"] == "");
        CHECK(cell["connections"] == 3);
        CHECK(cell["throughput"]["median"] > 100);
        CHECK(cell["p50"]["median"] <= cell["max"]["median"]);
        CHECK(cell["cpu"]["median"] > 1e-7);
        CHECK(cell["memory"]["median"] > 10'000);
        CHECK(cell["voluntary_switches"]["median"] > 0.01);  // each server waits for requests
        CHECK(cell["rounds"][0]["served"] == 3);
        CHECK(cell["rounds"][0]["errors"].empty());
        // On a busy machine the cell may be invalid, and then it has no ratio.
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
    REQUIRE(json["cells"].size() == 4);
    for (const auto& cell : json["cells"]) CHECK(cell["rounds"][0]["served"] == 3);
    for (const auto& entry : fs::directory_iterator(folder.file("")))
        CHECK_FALSE(entry.is_socket());
}

TEST_CASE(
    "bench compare: drivers and peers serve the same page and the same messages, also over TLS") {
    const BenchFolder folder;
    for (const WebRow& row : {WebRow{"http", "tcp", "64", {"reactor", "threads", "nginx", "beast"}},
                              WebRow{"http", "unix", "5000", {"reactor", "nginx", "beast"}},
                              WebRow{"http", "tls", "5000", {"reactor", "processes", "nginx"}},
                              WebRow{"websocket", "tcp", "200", {"reactor", "threads", "node-ws"}},
                              WebRow{"websocket", "tls", "64", {"reactor"}},
                              WebRow{"connect", "tls", "64", {"reactor"}}}) {
        CAPTURE(row.workload);
        CAPTURE(row.over);
        const auto servers = available(row.servers);
        const std::string temporary = "TMPDIR=" + folder.file("");
        const auto done = run({"env",           temporary,
                               kBench,          "compare",
                               "--workload",    row.workload,
                               "--over",        row.over,
                               "--drivers",     bench::joined(servers, ","),
                               "--connections", "3",
                               "--size",        row.size,
                               "--rounds",      "1",
                               "--duration",    "100ms",
                               "--json",        folder.file("o.json")});
        CAPTURE(done.output);
        CAPTURE(done.errors);
        REQUIRE(done.status == 0);
        const auto json = read_json(folder.file("o.json"));
        REQUIRE(json["cells"].size() == servers.size());
        for (const auto& cell : json["cells"]) CHECK(cell["rounds"][0]["served"] == 3);
        for (const auto& entry : fs::directory_iterator(folder.file("")))
            CHECK_FALSE(entry.path().filename().string().starts_with("switchboard-bench-"));
    }
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

TEST_CASE("bench compare: wrong bytes fail the run, even if the server then ends") {
    const FaultyEcho faulty;
    const BenchFolder folder;
    const auto compare_with = [&](const std::string& then) {
        folder.script("bare-epoll", "echo 'listening on " + faulty.endpoint().to_string() +
                                        " (echo, faulty)'; " + then);
        return run({folder.bench(), "compare", "--drivers", "bare-epoll", "--connections", "1",
                    "--size", "64", "--rounds", "1", "--duration", "300ms"});
    };
    const auto goes_on = compare_with("exec sleep 60");
    CHECK(goes_on.status == 1);
    CHECK(has(goes_on.output, "1 wrong bytes"));
    CHECK(has(goes_on.errors, "wrong bytes came back on 1 connection"));
    const auto ends = compare_with("exit 7");
    CHECK(ends.status == 1);
    CHECK(has(ends.output, "ended with exit status 7"));
    CHECK(has(ends.errors, "wrong bytes came back on 1 connection"));
}

TEST_CASE("bench compare: the limits that it sets do not refuse short connections") {
    const BenchFolder folder;
    const auto done = run({kBench, "compare", "--scenario", "short-connections", "--drivers",
                           "reactor,threads", "--rounds", "2", "--duration", "200ms", "--noise",
                           "100%", "--json", folder.file("o.json")});
    CAPTURE(done.output);
    REQUIRE(done.status == 0);
    const auto json = read_json(folder.file("o.json"));
    REQUIRE(json["cells"].size() == 2);
    for (const auto& cell : json["cells"]) {
        REQUIRE(cell["rounds"].size() == 2);
        for (const auto& round : cell["rounds"]) CHECK(round["errors"].empty());
    }
}

TEST_CASE("bench compare: a file is written once, and if one cannot be written, the others are") {
    const BenchFolder folder;
    const std::vector<std::string> short_run{kBench,          "compare",
                                             "--drivers",     "reactor",
                                             "--connections", "1",
                                             "--size",        "64",
                                             "--rounds",      "1",
                                             "--duration",    "50ms",
                                             "--csv",         folder.file("o.csv"),
                                             "--json"};
    auto twice = short_run;
    twice.push_back(folder.file("./o.csv"));
    const auto refused = run(twice);
    CHECK(refused.status == 2);
    CHECK(has(refused.errors, "o.csv is given more than once"));
    CHECK_FALSE(fs::exists(folder.file("o.csv")));
    for (const std::string outputs : {"--json o --csv ./o", "--json o --hgrm o/"}) {
        CAPTURE(outputs);
        const auto both = run({"sh", "-c",
                               "cd " + folder.file("") + " && " + kBench +
                                   " compare --drivers reactor --quick " + outputs});
        CHECK(both.status == 2);
        CHECK(has(both.errors, "is given more than once"));
        CHECK_FALSE(fs::exists(folder.file("o")));
    }
    auto full = short_run;
    full.push_back("/dev/full");
    const auto failed = run(full);
    CHECK(failed.status == 1);
    CHECK(has(failed.errors, "write /dev/full: no space left on device"));
    CHECK(fs::exists(folder.file("o.csv")));
}

TEST_CASE("bench compare: if one latency file cannot be written, the others are") {
    const BenchFolder folder;
    fs::create_directories(folder.file("all/reactor-1x64.hgrm"));
    const auto done =
        run({kBench, "compare", "--drivers", "reactor", "--connections", "1,2", "--size", "64",
             "--rounds", "1", "--duration", "50ms", "--hgrm", folder.file("all")});
    CHECK(done.status == 1);
    CHECK(has(done.errors, "reactor-1x64.hgrm: is a directory"));
    CHECK(fs::exists(folder.file("all/reactor-2x64.hgrm")));
}

TEST_CASE(
    "bench compare: creates the folder for latencies, and for - moves the table away from stdout") {
    const BenchFolder folder;
    const auto compare_to = [&](const std::string& option, const std::string& path) {
        return run({kBench, "compare", "--drivers", "reactor", "--connections", "1", "--size", "64",
                    "--rounds", "1", "--duration", "50ms", option, path});
    };
    CHECK(compare_to("--hgrm", folder.file("new")).status == 0);
    CHECK(fs::exists(folder.file("new/reactor-1x64.hgrm")));
    CHECK(has(compare_to("--hgrm", folder.file("none/new")).errors,
              "write " + folder.file("none/new") + ": no such file or directory"));
    CHECK(has(compare_to("--hgrm", folder.bench()).errors, "not a directory"));
    const auto piped = compare_to("--json", "-");
    CHECK(nlohmann::json::parse(piped.output)["cells"].size() == 1);
    CHECK(has(piped.errors, "exchanges/s"));
}

TEST_CASE("bench: output that cannot be written to stdout fails the run") {
    for (const std::string command : {" compare --list", " load --list", " --version"}) {
        CAPTURE(command);
        const auto full = run({"sh", "-c", kBench + command + " >/dev/full"});
        CHECK(full.status == 1);
        CHECK(has(full.errors, "write to stdout: No space left on device"));
        const auto closed = run({"sh", "-c", kBench + command + " >&-"});
        CHECK(closed.status == 1);
        CHECK(has(closed.errors, "write to stdout: Bad file descriptor"));
    }
    const auto none = run({kBench});
    CHECK(none.status == 2);
    CHECK(has(none.errors,
              "a subcommand is required: compare, load, cost, diff, report, micro, self-test"));
}

TEST_CASE("bench compare: a folder as an output file is refused before it measures") {
    const BenchFolder folder;
    const auto done = run({kBench, "compare", "--drivers", "reactor", "--json", folder.file("")});
    CHECK(done.status == 1);
    CHECK(done.output.empty());
    CHECK(has(done.errors, "is a directory"));
}

TEST_CASE("bench compare: a table that could not be written fails the run") {
    const auto done = run({"sh", "-c",
                           kBench + std::string(" compare --drivers reactor --connections 1 --size "
                                                "64 --rounds 1 --duration 50ms >/dev/full")});
    CHECK(done.status == 1);
    CHECK(has(done.errors, "write to stdout: no space left on device"));
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

TEST_CASE("bench compare: an unavailable peer is left out of a full comparison, with the reason") {
    const BenchFolder folder;
    for (const char* program :
         {"switchboard", "bare-epoll", "bare-epoll-et", "bare-uv", "bare-uv-naive", "bare-uv-poll"})
        folder.script(program, "exec " SWITCHBOARD_BIN "/" + std::string(program) + " \"$@\"");
    folder.script("io-uring", "echo 'io_uring: operation not permitted' >&2; exit 1");
    const auto done = run({folder.bench(), "compare", "--connections", "1", "--size", "64",
                           "--rounds", "1", "--duration", "50ms", "--json", folder.file("o.json")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
    CHECK(has(done.output, "\nSkipped: libevent: not built; it requires libevent-dev\n"));
    CHECK(has(done.output, "\nSkipped: io-uring: start " + folder.file("io-uring") +
                               ": ended with exit status 1: io_uring: operation not permitted\n"));
    const auto json = read_json(folder.file("o.json"));
    CHECK(json["skipped"].size() == 5);
    CHECK(json["options"]["servers"].size() == 12);
    CHECK(json["cells"].size() == 12);
    for (const auto& cell : json["cells"]) CHECK(cell["rounds"][0]["served"] == 1);
}

TEST_CASE("bench compare: an unavailable peer that was asked for is an error at once") {
    const BenchFolder folder;
    folder.script("bare-epoll", "touch " + folder.file("was-started"));
    folder.script("io-uring", "echo 'operation not permitted' >&2; exit 1");
    for (const auto& [name, why] :
         {std::pair<std::string, std::string>{"libevent",
                                              "libevent: not built; it requires libevent-dev"},
          {"io-uring", "exit status 1: operation not permitted"}}) {
        const auto done = run({folder.bench(), "compare", "--drivers", "bare-epoll," + name});
        CHECK(done.status == 1);
        CHECK(has(done.errors, why));
        CHECK(std::count(done.errors.begin(), done.errors.end(), '\n') == 1);
        CHECK(done.output.empty());
    }
    CHECK_FALSE(fs::exists(folder.file("was-started")));
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
    int servers = 0;
    for (pid_t pid = 0; pids >> pid; ++servers) CHECK(kill(pid, 0) == -1);
    CHECK(servers >= 2);
}

TEST_CASE("bench compare: a scenario is a name for options, and explicit options override it") {
    const auto list = run({kBench, "compare", "--list"});
    CHECK(list.status == 0);
    CHECK(std::count(list.output.begin(), list.output.end(), '\n') >= 2 * 12);
    CHECK(has(list.output, "slow-client "));
    const BenchFolder folder;
    const auto done = run({kBench, "compare", "--scenario", "slow-client", "--drivers",
                           "reactor,iterative", "--connections", "4", "--rounds", "1", "--duration",
                           "200ms", "--json", folder.file("o.json")});
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(
        has(done.output, "echo, 4 connections, 64 B messages, depth 1, background slow-reader:1"));
    const auto json = read_json(folder.file("o.json"));
    CHECK(json["options"]["scenario"] == "slow-client");
    CHECK(json["cells"][0]["rounds"][0]["served"] == 4);
    CHECK(json["cells"][1]["rounds"][0]["served"] == 0);  // the slow reader connected first
    CHECK(run({kBench, "compare", "--scenario", "nothing"}).status == 2);
}

TEST_CASE("bench compare: every scenario can be run") {
    const std::string list = run({kBench, "compare", "--list"}).output;
    std::istringstream lines(list);
    int run_here = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(" ")) continue;
        const std::string name = line.substr(0, line.find(' '));
        if (name == "many-idle" || name == "stream") continue;  // too long for a test
        CAPTURE(name);
        ++run_here;
        const auto done = run({kBench, "compare", "--scenario", name, "--drivers", "reactor",
                               "--rounds", "1", "--duration", "100ms", "--noise", "100%"});
        CAPTURE(done.output);
        CAPTURE(done.errors);
        CHECK(done.status == 0);
    }
    CHECK(run_here == 14);
}

TEST_CASE(
    "bench compare: servers without the protocol of a workload are left out, with the reason") {
    const auto done = run({kBench, "compare", "--workload", "line", "--connections", "2", "--size",
                           "64", "--rounds", "1", "--duration", "100ms"});
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(has(done.output, "Skipped: bare-epoll: serves echo, not lines"));
    CHECK(has(done.output, "process-pool"));
    const auto named = run({kBench, "compare", "--workload", "fan-out", "--drivers", "threads",
                            "--connections", "2", "--size", "64"});
    CHECK(named.status == 1);
    CHECK(has(named.errors, "threads: hub requires the driver reactor with one reactor"));
}

TEST_CASE("bench compare: a rate, and a latency file for each cell") {
    const BenchFolder folder;
    const auto done = run({kBench,          "compare",
                           "--drivers",     "reactor",
                           "--connections", "5",
                           "--size",        "64",
                           "--rounds",      "1",
                           "--duration",    "200ms",
                           "--rate",        "500",
                           "--hgrm",        folder.file(""),
                           "--json",        folder.file("o.json"),
                           "--noise",       "100%"});
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(has(done.output, "500 offered a second"));
    const auto json = read_json(folder.file("o.json"));
    CHECK(json["options"]["rate"] == 500);
    // The file is in microseconds, and agrees with the JSON to three digits.
    const std::string hgrm = read_file(folder.file("reactor-5x64.hgrm"));
    const auto at = hgrm.find("#[Max     =");
    REQUIRE(at != std::string::npos);
    const double max = json["cells"][0]["max"]["median"];
    CHECK(std::stod(hgrm.substr(at + 11)) == doctest::Approx(max * 1e6).epsilon(0.01));
}

TEST_CASE(
    "bench compare: the knee is searched up to the closed loop, and reported with its probes") {
    const BenchFolder folder;
    const auto done =
        run({kBench, "compare", "--drivers", "reactor,iterative", "--connections", "3", "--size",
             "64", "--rounds", "1", "--duration", "50ms", "--find-knee", "--slo", "p50<20ms",
             "--noise", "100%", "--json", folder.file("o.json")});
    CAPTURE(done.errors);
    CHECK(done.status == 0);
    CHECK(has(done.output, "The highest rate that keeps p50<20ms"));
    const auto json = read_json(folder.file("o.json"));
    CHECK(has(done.output, "iterative*"));
    CHECK(has(done.output, "* iterative, 3 x 64 B: not found in round 1: serves 1 of 3"));
    REQUIRE(json["knees"].size() == 2);
    CHECK(json["knees"][1]["rounds"][0]["why_not_found"] == "serves 1 of 3");
    CHECK(json["knees"][1]["rate"].is_null());
    const auto knee = json["knees"][0];
    CHECK(knee["server"] == "reactor");
    const auto probes = knee["rounds"][0]["probes"];
    REQUIRE(probes.size() >= 1);
    for (const auto& probe : probes)
        CHECK((probe["holds"] == true) == probe["why"].get<std::string>().empty());
    CHECK(run({kBench, "compare", "--find-knee"}).status == 2);
    CHECK(run({kBench, "compare", "--slo", "p99<2ms"}).status == 2);
}

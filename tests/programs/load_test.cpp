// ab(1) and wrk(1), other programs that make load, against `switchboard serve hello`: no request fails, and
// every byte of every reply arrives.
#include <csignal>
#include <sstream>

#include "text.hpp"
#include "tls_files.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

const std::string kAb = "/usr/bin/ab", kWrk = "/usr/bin/wrk";
constexpr int kPageSize = 5'000;

std::vector<std::string> page_server(const std::string& driver,
                                     std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"hello", "--driver", driver, "--option",
                                    "size=" + std::to_string(kPageSize)};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// ab speaks HTTP/1.0. It compares the length of each reply with that of the first one.
void check_ab(const std::string& url, int requests, int clients, bool keep_alive) {
    CAPTURE(keep_alive);
    std::vector<std::string> all = {
        kAb, "-q", "-n", std::to_string(requests), "-c", std::to_string(clients)};
    if (keep_alive) all.emplace_back("-k");
    all.push_back(url);
    const Finished finished = support::run(all);
    CAPTURE(finished.output);
    CAPTURE(finished.errors);
    CHECK(finished.status == 0);
    const auto has_figure = [&](const std::string& name, const std::string& value) {
        const std::string label = "\n" + name + ":";
        const auto at = finished.output.find(label);
        if (at == std::string::npos) return value.empty();
        std::istringstream line(finished.output.substr(at + label.size()));
        std::string figure;
        line >> figure;
        return figure == value;
    };
    CHECK(has_figure("Complete requests", std::to_string(requests)));
    CHECK(has_figure("Failed requests", "0"));
    CHECK(has_figure("Write errors", ""));
    CHECK(has_figure("Non-2xx responses", ""));
    CHECK(has_figure("Keep-Alive requests", keep_alive ? std::to_string(requests) : ""));
    CHECK(has_figure("HTML transferred", std::to_string(requests * kPageSize)));
}

// Returns the size of a reply with its head.
long reply_size(const Server& server) {
    const Finished told = support::run({"curl", "-sS", "--noproxy", "*", "--max-time", "30", "-o",
                                        "/dev/null", "-w", "%{size_header} %{size_download}",
                                        "http://127.0.0.1:" + server.port() + "/"});
    std::istringstream sizes(told.output);
    long head = 0, body = 0;
    sizes >> head >> body;
    CHECK(body == kPageSize);
    return head + body;
}

struct Load {
    long requests = 0, bytes = 0, errors = 0;
};

// Runs wrk for a second, its shortest time, with `depth` requests at a time on each of 8 connections.
constexpr int kConnections = 8;
Load run_wrk(const std::string& url, int depth) {
    const test::TempDir folder;
    std::ofstream(folder / "load.lua")
        << "init = function() pipeline = string.rep(wrk.format(), " << depth << ") end\n"
        << "request = function() return pipeline end\n"
        << "done = function(all)\n"
           "  local e = all.errors\n"
           "  print('all', all.requests, all.bytes,\n"
           "        e.connect + e.read + e.write + e.status + e.timeout)\n"
           "end\n";
    const Finished finished = support::run(
        {kWrk, "-t1", "-c" + std::to_string(kConnections), "-d1s", "-s", folder / "load.lua", url});
    CHECK(finished.errors == "");
    CHECK(finished.status == 0);
    Load load{.errors = -1};
    const auto at = finished.output.find("all\t");
    REQUIRE_MESSAGE(at != std::string::npos, finished.output);
    std::istringstream(finished.output.substr(at + 3)) >> load.requests >> load.bytes >>
        load.errors;
    return load;
}

// Besides whole replies there may be bytes of those that were on their way at the end.
void check_load(const Load& load, long reply, int depth) {
    CAPTURE(load.bytes);
    CHECK(load.errors == 0);
    CHECK(load.requests > kConnections * depth);
    CHECK(load.bytes >= load.requests * reply);
    CHECK(load.bytes <= (load.requests + kConnections * depth) * reply);
}

}  // namespace

TEST_CASE("load: ab gets every page, with and without keep-alive, under every driver") {
    if (!test::machine_has(kAb)) return;
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server(page_server(driver));
        const std::string url = "http://127.0.0.1:" + server.port() + "/";
        check_ab(url, 200, 8, false);
        // A driver with a fixed number of workers serves no more kept connections than that.
        const bool many = driver == "reactor" || driver == "threads" || driver == "processes";
        check_ab(url, 200, many ? 8 : 1, true);
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("load: ab gets every page above TLS") {
    if (!test::machine_has(kAb)) return;
    const TlsFolder folder;
    Server server(page_server("reactor", {"--tls", folder.server()}));
    const std::string url = "https://127.0.0.1:" + server.port() + "/";
    for (const bool keep_alive : {false, true}) check_ab(url, 100, 4, keep_alive);
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("load: wrk gets whole pages only, one at a time and in a pipeline") {
    if (!test::machine_has(kWrk)) return;
    struct Run {
        std::string driver;
        int depth;
    };
    for (const Run& run : {Run{"threads", 1}, Run{"reactor", 16}}) {
        CAPTURE(run.driver);
        Server server(page_server(run.driver));
        const long reply = reply_size(server);
        check_load(run_wrk("http://127.0.0.1:" + server.port() + "/", run.depth), reply, run.depth);
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

// `switchboard serve --isolate`: what a crash costs, replacement, drain, and the end of the supervisor.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "../programs/server.hpp"
#include "../programs/tls_files.hpp"
#include "system.hpp"
#include "versions.hpp"

using namespace switchboard;
using namespace switchboard::programs;
using test::has;

namespace {

std::vector<std::string> isolated(const std::string& processes,
                                  const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"crash", "--plugin", SWITCHBOARD_TEST_PLUGINS "/crash.so",
                                 "--isolate", processes};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// Returns the number of the process that serves the client.
long worker_of(const Socket& client) {
    REQUIRE(client.send_all(as_bytes("?")));
    const std::string line = receive(client, 11);
    REQUIRE_MESSAGE(line.size() == 11, "the connection has ended");
    return std::stol(line);
}

void crash(const Socket& client) {
    REQUIRE(client.send_all(as_bytes("!")));
    CHECK(ended(client));
}

// Reads stderr up to a line with `begin`, and returns the rest of that line.
std::string logged(Server& server, const std::string& begin) {
    for (;;) {
        const std::string line = server.process().read_error_line();
        const auto at = line.find(begin);
        if (at != std::string::npos) return line.substr(at + begin.size());
    }
}

}  // namespace

TEST_CASE("isolate: a crash costs the connections of its process only, and it is replaced") {
    const test::TempDir folder;
    for (const std::string& listen : {std::string("127.0.0.1:0"), "unix:" + folder / "socket"}) {
        CAPTURE(listen);
        Server server(isolated("4", {"--listen", listen}));
        std::map<long, std::vector<Socket>> clients;
        for (int i = 0; i < 40 || clients.size() < 2; ++i) {
            Socket client = server.connect();
            const long worker = worker_of(client);
            clients[worker].push_back(std::move(client));
        }
        const auto [victim, theirs] = std::move(*clients.begin());
        const long dead = victim;  // a lambda cannot capture a structured binding
        clients.erase(clients.begin());
        crash(theirs.front());
        for (const Socket& each : theirs) CHECK(ended(each));
        CHECK(logged(server, "error worker " + std::to_string(victim)) ==
              " ended by signal 11: " + std::to_string(theirs.size()) +
                  (theirs.size() == 1 ? " connection" : " connections") +
                  " lost; another is started");
        for (const auto& [worker, peers] : clients)
            for (const Socket& each : peers) CHECK(worker_of(each) == worker);
        std::vector<Socket> later;
        const auto is_new = [&] {
            const long worker = worker_of(later.emplace_back(server.connect()));
            return worker != dead && clients.count(worker) == 0;
        };
        CHECK(support::eventually(is_new));
        clients.clear();
        later.clear();
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("isolate: replacements come later and later, and after five ends the server stops") {
    Server server(isolated("1"));
    for (const char* delay : {"", " in 100 ms", " in 200 ms", " in 400 ms"}) {
        const Socket idle = server.connect(), victim = server.connect();
        worker_of(idle);
        const long worker = worker_of(victim);
        crash(victim);
        CHECK(ended(idle));
        CHECK(logged(server, "error worker ") ==
              std::to_string(worker) +
                  " ended by signal 11: 2 connections lost; another is started" + delay);
    }
    const Socket victim = server.connect();
    const long worker = worker_of(victim);
    crash(victim);
    const Finished finished = server.process().wait();
    CHECK(finished.status == 1);
    const std::string what =
        "worker " + std::to_string(worker) + " ended by signal 11: 1 connection lost\n";
    CHECK(has(finished.errors, "error " + what));
    CHECK(finished.errors.ends_with("switchboard: 5 workers ended within a minute; the last: " +
                                    what));
}

TEST_CASE("isolate: a replacement that cannot load its plugin is tried again while others serve") {
    const test::PluginFolder folder;
    const std::string path = folder.copy("crash", "crash"), aside = folder.path("aside");
    Server server({"crash", "--plugin", path, "--isolate", "2"});
    std::map<long, Socket> clients;
    while (clients.size() < 2) {
        Socket client = server.connect();
        const long worker = worker_of(client);
        clients.insert_or_assign(worker, std::move(client));
    }
    std::filesystem::rename(path, aside);
    std::ofstream(path) << "no plugin";
    crash(clients.begin()->second);
    clients.erase(clients.begin());
    CHECK(
        has(logged(server, "error worker "), "ended by signal 11: 1 connection lost; another is"));
    for (const char* delay : {"100 ms", "200 ms", "400 ms", "800 ms"}) {
        const std::string line = logged(server, "error worker ");
        CHECK_MESSAGE(has(line, " ended with status 1 ("), line);
        CHECK_MESSAGE(has(line, "it has no ELF header"), line);
        CHECK_MESSAGE(
            line.ends_with(std::string(" before it was ready; another is started in ") + delay),
            line);
    }
    const long survivor = clients.begin()->first;
    CHECK(worker_of(clients.begin()->second) == survivor);
    std::filesystem::rename(aside, path);
    CHECK(support::eventually([&] { return worker_of(server.connect()) != survivor; }));
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("isolate: SIGTERM drains all processes, and a second one ends them") {
    {
        Server server(isolated("3"));
        const Socket client = server.connect();
        worker_of(client);
        server.process().signal(SIGTERM);
        CHECK(ended(client));
        CHECK(server.process().wait().status == 0);
        CHECK_FALSE(connect(Endpoint::parse(server.endpoint()).value()));
    }
    Server server({"chargen", "--isolate", "2"});
    const Socket client = server.connect();
    CHECK(receive(client, 1'000).size() == 1'000);
    server.process().signal(SIGTERM);
    logged(server, "info draining ");
    logged(server, "info draining ");
    server.process().signal(SIGINT);
    const Finished finished = server.process().wait();
    CHECK(finished.status == 1);
    CHECK_MESSAGE(
        finished.errors.ends_with("switchboard: stopped before every connection had finished\n"),
        finished.errors);
}

TEST_CASE("isolate: connections may finish while the server drains, until drain_timeout") {
    Server server({"chargen", "--isolate", "2", "--limit", "drain_timeout=100ms"});
    const Socket client = server.connect();
    CHECK(receive(client, 1'000).size() == 1'000);
    const Finished finished = server.stop(SIGTERM);
    CHECK(finished.status == 0);
    CHECK(has(finished.errors, "warning ended 1 connection\n"));
}

TEST_CASE("isolate: when the supervisor is killed, the processes end") {
    Server server(isolated("4"));
    std::vector<Socket> clients;
    for (int i = 0; i < 8; ++i) worker_of(clients.emplace_back(server.connect()));
    server.process().signal(SIGKILL);
    for (const Socket& each : clients) CHECK(ended(each));
    const Endpoint at = Endpoint::parse(server.endpoint()).value();
    CHECK(support::eventually([&] { return !connect(at); }));
    CHECK(server.process().wait().status == 128 + SIGKILL);
}

TEST_CASE("isolate: SIGHUP and SIGUSR1 reach all processes") {
    const TlsFolder files;
    Server server(isolated("3", {"--tls", files.server()}));
    server.process().signal(SIGHUP);
    for (int i = 0; i < 3; ++i)
        CHECK(logged(server, "info the certificates were read again") == "");
    server.process().signal(SIGUSR1);
    for (int i = 0; i < 3; ++i) CHECK(logged(server, " live:") == "");
    CHECK(server.stop(SIGTERM).status == 0);
}

TEST_CASE("isolate: a takeover passes the sockets on, also after a crash" *
          doctest::skip(!test::system_tells_peer())) {
    const test::TempDir folder;
    const std::string path = "unix:" + folder / "takeover";
    Server first(isolated("2", {"--takeover", path}));
    std::map<long, Socket> at_start;  // both workers, so also the one that offers the sockets
    while (at_start.size() < 2) {
        Socket client = first.connect();
        const long worker = worker_of(client);
        at_start.insert_or_assign(worker, std::move(client));
    }
    for (const auto& [worker, client] : at_start) {
        crash(client);
        CHECK(has(logged(first, "error worker " + std::to_string(worker)), "another is started"));
    }
    const auto serves = [&](Server& server) {
        CHECK(server.endpoint() == first.endpoint());
        std::set<long> workers;
        for (int i = 0; i < 20; ++i) workers.insert(worker_of(server.connect()));
        return workers;
    };
    Server second(isolated("3", {"--takeover", path}));
    CHECK(first.process().wait().status == 0);
    const auto of_second = serves(second);
    Server plain({"crash", "--plugin", SWITCHBOARD_TEST_PLUGINS "/crash.so", "--takeover", path});
    CHECK(second.process().wait().status == 0);
    CHECK(serves(plain) == std::set<long>{plain.process().id()});
    Server last(isolated("1", {"--takeover", path}));
    CHECK(plain.process().wait().status == 0);
    const auto of_last = serves(last);
    CHECK(of_last.size() == 1);
    CHECK(of_second.count(*of_last.begin()) == 0);
    CHECK(last.stop(SIGTERM).status == 0);
}

TEST_CASE("isolate: errors of the start, and what does not work together") {
    const std::string reactor =
        "--isolate applies only to connections under the driver reactor; processes and "
        "process-pool isolate connections by themselves";
    check_refused({"echo", "--isolate", "2", "--driver", "threads"}, reactor);
    check_refused({"echo", "--isolate", "2", "--listen", "udp://127.0.0.1:0"}, reactor);
    const std::string alone =
        "--isolate excludes --reactors and --pin: each of its processes has one reactor";
    check_refused({"echo", "--isolate", "2", "--reactors", "2"}, alone);
    check_refused({"echo", "--isolate", "2", "--pin"}, alone);
    check_refused({"echo", "--isolate", "2", "--metrics", "127.0.0.1:0"},
                  "--isolate excludes --metrics, which show a single process");
    check_refused({"hub", "--isolate", "2"},
                  "--isolate 2: 'hub' connects its clients to each other, which takes a single "
                  "reactor: not supported here");
    check_refused({"crash", "--isolate", "2", "--plugin", "/nowhere/x.so"},
                  "/nowhere/x.so: no such file or directory");
    check_refused({"echo", "--isolate", "2", "--option", "x=y"},
                  "echo: option x: no such option; it has none: bad option");
    CHECK(programs::switchboard({"serve", "echo", "--isolate", "0"}).status == 2);
}

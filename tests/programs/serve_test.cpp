// `switchboard serve`: every driver, how it stops, and what it survives.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// A temporary folder, removed by the destructor.
struct Folder {
    Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~Folder() {
        unlink((path + "/socket").c_str());
        rmdir(path.c_str());
    }
    std::string path = "/tmp/switchboard-test-XXXXXX";
};

std::string exchange_with(const std::string& endpoint, const std::string& text) {
    const Finished asked = programs::switchboard({"exchange", endpoint, "--text", text});
    CHECK(asked.errors == "");
    CHECK(asked.status == 0);
    return asked.output;
}

}  // namespace

TEST_CASE("serve: every driver serves echo, and prints its endpoint") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"echo", "--driver", driver});
        CHECK(server.line() ==
              "listening on tcp://127.0.0.1:" + server.port() + " (echo, " + driver + ")");
        CHECK(std::stoi(server.port()) > 0);
        const std::string long_text(100'000, 'x');
        CHECK(exchange_with(server.endpoint(), "hello") == "hello");
        CHECK(exchange_with(server.endpoint(), long_text) == long_text);
        const Finished finished = server.stop(SIGTERM);
        CHECK(finished.status == 0);
        CHECK(finished.output == "");
    }
}

TEST_CASE("serve: the reactor and a free port of the loopback address are the defaults") {
    Server server({"discard"});
    CHECK(server.line().starts_with("listening on tcp://127.0.0.1:"));
    CHECK(server.line().ends_with(" (discard, reactor)"));
    CHECK(server.stop(SIGINT).status == 0);
}

TEST_CASE("serve: an open connection may finish after SIGTERM") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"echo", "--driver", driver});
        {
            const Socket client = server.connect();
            CHECK(round_trip(client, "before") == "before");
            server.process().signal(SIGTERM);
            for (int i = 0; i < 100; ++i) REQUIRE(round_trip(client, "after") == "after");
            REQUIRE(client.shutdown_write());
            CHECK(ended(client));
        }
        CHECK(server.process().wait().status == 0);
    }
}

TEST_CASE("serve: ends at SIGTERM and at SIGINT, whatever mask it was started with") {
    for (const std::string& driver : kDrivers) {
        for (const int signal : {SIGTERM, SIGINT}) {
            CAPTURE(driver);
            CAPTURE(signal);
            std::vector<std::string> blocked = command({"serve", "echo", "--driver", driver});
            blocked.insert(blocked.begin(), {"env", "--block-signal"});
            Process process(blocked);
            CHECK(process.read_line().starts_with("listening on "));
            process.signal(signal);
            CHECK(process.wait().status == 0);
        }
    }
}

TEST_CASE("serve: a draining reactor refuses new connections") {
    Server server({"echo"});
    const Socket client = server.connect();
    CHECK(round_trip(client, "before") == "before");
    server.process().signal(SIGTERM);
    CHECK(support::eventually([&] {
        const auto late = switchboard::connect(Endpoint::parse(server.endpoint()).value());
        return !late && late.error() == std::errc::connection_refused;
    }));
    CHECK(round_trip(client, "after") == "after");
}

TEST_CASE("serve: the second signal ends open connections") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"echo", "--driver", driver, "--limit", "drain_timeout=1h"});
        const Socket client = server.connect();
        CHECK(round_trip(client, "before") == "before");
        server.process().signal(SIGTERM);
        server.process().signal(SIGINT);
        const Finished finished = server.process().wait();
        CHECK(finished.status == 1);
        CHECK(finished.errors.ends_with(
            "switchboard: stopped before every connection had finished\n"));
        CHECK(ended(client));
    }
}

TEST_CASE("serve: a second signal without open connections is not a failure") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"echo", "--driver", driver});
        CHECK(exchange_with(server.endpoint(), "hello") == "hello");
        server.process().signal(SIGTERM);
        const Finished finished = server.stop(SIGTERM);
        CAPTURE(finished.errors);
        CHECK(finished.status == 0);
    }
}

TEST_CASE("serve: a connection that stays open delays a stop by at most drain_timeout") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"echo", "--driver", driver, "--limit", "drain_timeout=50ms"});
        const Socket client = server.connect();
        CHECK(round_trip(client, "before") == "before");
        CHECK(server.stop(SIGTERM).status == 0);
        CHECK(ended(client));
    }
}

TEST_CASE("serve: a pool serves as many connections at a time as it has workers") {
    for (const std::string driver : {"thread-pool", "process-pool"}) {
        CAPTURE(driver);
        Server server({"echo", "--driver", driver, "--workers", "2"});
        const Socket first = server.connect();
        CHECK(round_trip(first, "first") == "first");
        Socket second = server.connect();
        CHECK(round_trip(second, "second") == "second");
        Socket third = server.connect();
        REQUIRE(third.send_all(as_bytes("third")));
        REQUIRE(third.set_timeouts(std::chrono::milliseconds(50), {}));
        std::byte byte[1];
        CHECK(third.receive(byte).error() == std::errc::operation_would_block);
        second.close();
        REQUIRE(third.set_timeouts(std::chrono::seconds(30), {}));
        CHECK(receive(third, 5) == "third");
    }
}

TEST_CASE("serve: on a unix socket, when nothing reads its output") {
    for (const std::string driver : {"reactor", "threads", "process-pool"}) {
        CAPTURE(driver);
        const Folder folder;
        const std::string endpoint = "unix:" + folder.path + "/socket";
        Process process(
            {.command = command({"serve", "echo", "--driver", driver, "--listen", endpoint}),
             .broken_output = true});
        REQUIRE(support::eventually(
            [&] { return switchboard::connect(Endpoint::parse(endpoint).value()).has_value(); }));
        CHECK(exchange_with(endpoint, "hello") == "hello");
        process.signal(SIGTERM);
        CHECK(process.wait().status == 0);
    }
}

TEST_CASE("serve: with all standard streams closed, the log reaches no connection or pipe") {
    for (const std::string& driver : {std::string("reactor"), std::string("threads")}) {
        CAPTURE(driver);
        const Folder folder;
        const std::string path = folder.path + "/socket";
        Process process(Process::Setup{
            .command = {"sh", "-c",
                        "exec " + kSwitchboard + " serve echo --limit max_connections=1 --driver " +
                            driver + " --listen unix:" + path + " <&- >&- 2>&-"}});
        const auto endpoint = Endpoint::parse("unix:" + path).value();
        Result<Socket> first = switchboard::connect(endpoint);
        REQUIRE(support::eventually([&] {
            if (!first) first = switchboard::connect(endpoint);
            return first.has_value();
        }));
        std::array<std::byte, 8> in{};
        REQUIRE(first->send_all(as_bytes("a")));
        REQUIRE(first->receive(in).value() == 1);
        const auto refused = switchboard::connect(endpoint);  // this is logged
        REQUIRE(refused);
        CHECK(refused->receive(in).value_or(0) == 0);
        first->close();
        CHECK(support::eventually([&] {
            const auto next = switchboard::connect(endpoint);
            return next && next->send_all(as_bytes("b")) && next->receive(in).value_or(0) == 1;
        }));
        process.signal(SIGTERM);
        CHECK(process.wait().status == 0);
    }
}

TEST_CASE("serve: a connection over max_connections gets the reject message") {
    Server server({"echo", "--limit", "max_connections=2", "--limit", "max_per_address=1",
                   "--limit", "accepts_per_second=1000", "--reject-message", "come again"});
    Socket served = server.connect();
    std::array<std::byte, 64> in{};
    REQUIRE(served.send_all(as_bytes("a")));
    REQUIRE(served.receive(in).value() == 1);
    Socket refused = server.connect();
    const auto size = refused.receive(in);
    REQUIRE(size);
    CHECK(as_text(Bytes(in).first(*size)) == "come again");
    CHECK(refused.receive(in).value() == 0);
    CHECK(served.send_all(as_bytes("b")));
    CHECK(served.receive(in).value() == 1);
    served.close();
    refused.close();
    CHECK(server.stop(SIGTERM).errors.find("max_per_address") != std::string::npos);
}

TEST_CASE("serve: takes the socket that systemd-socket-activate passes, by number and by name") {
    for (const std::string listen : {"fd:3", "fd:echo"}) {
        CAPTURE(listen);
        const Folder folder;
        const std::string path = folder.path + "/socket";
        Process process({"systemd-socket-activate", "-l", path, "--fdname=echo", kSwitchboard,
                         "serve", "echo", "--listen", listen});
        const auto endpoint = Endpoint::unix_path(path);
        Result<Socket> socket =
            switchboard::connect(endpoint);  // the first connection starts the server
        REQUIRE(support::eventually([&] {
            if (!socket) socket = switchboard::connect(endpoint);
            return socket.has_value();
        }));
        REQUIRE(socket->send_all(as_bytes("hello")));
        std::array<std::byte, 8> in{};
        REQUIRE(socket->receive(in).value() == 5);
        CHECK(process.read_line() == "listening on unix:" + path + " (echo, reactor)");
        socket->close();
        process.signal(SIGTERM);
        CHECK(process.wait().status == 0);
    }
}

TEST_CASE("serve: an invalid variable from a service manager is reported by name") {
    const auto serve = [](const std::string& variables, const std::string& listen) {
        return support::run({"sh", "-c",
                             "export LISTEN_PID=$$ " + variables + "; exec " + kSwitchboard +
                                 " serve echo --listen " + listen})
            .errors;
    };
    CHECK(serve("LISTEN_FDS=some", "fd:3").find("LISTEN_FDS=some") != std::string::npos);
    CHECK(serve("LISTEN_FDS=1 LISTEN_FDNAMES=a:b", "fd:a 3</dev/null").find("LISTEN_FDNAMES=a:b") !=
          std::string::npos);
    CHECK(serve("LISTEN_FDS=1 LISTEN_FDNAMES=web", "fd:echo 3</dev/null").find("available: web") !=
          std::string::npos);
    CHECK(serve("LISTEN_FDS=1 LISTEN_FDNAMES=web", "fd:web 3</dev/null").find("non-socket") !=
          std::string::npos);
    CHECK(serve("A=b", "fd:web").find("LISTEN_FDS passes none") != std::string::npos);
}

TEST_CASE("serve: more connections than the soft limit of descriptors allows") {
    Process process(Process::Setup{.command = {"sh", "-c",
                                               "ulimit -Sn 40; exec " + kSwitchboard +
                                                   " serve echo --limit max_connections=60"}});
    const std::string line = process.read_line();
    const auto start = line.find("tcp://");
    const auto endpoint = Endpoint::parse(line.substr(start, line.find(" (") - start)).value();
    std::vector<Socket> clients;
    for (int i = 0; i < 60; ++i) {
        clients.push_back(switchboard::connect(endpoint).value());
        REQUIRE(round_trip(clients.back(), "hello") == "hello");
    }
    clients.clear();
    process.signal(SIGTERM);
    CHECK(process.wait().status == 0);
}

TEST_CASE("serve: the log goes to stderr, at the level of SWITCHBOARD_LOG") {
    for (const std::string level : {"debug", "off"}) {
        CAPTURE(level);
        Process process(Process::Setup{.command = command({"serve", "echo"}),
                                       .environment = {"SWITCHBOARD_LOG=" + level}});
        process.read_line();
        process.signal(SIGTERM);
        const Finished finished = process.wait();
        CHECK(finished.status == 0);
        CHECK(finished.errors.empty() == (level == "off"));
    }
}

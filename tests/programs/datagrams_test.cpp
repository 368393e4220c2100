// The services over UDP from outside: with nc, socat and our own exchange, and their cost in system calls.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <switchboard/bind_datagram.hpp>

#include "loopback.hpp"
#include "platform/platform.hpp"
#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

const std::vector<std::string> kDatagramDrivers = {"reactor", "iterative"};

Finished serve_udp(const std::string& protocol, const std::string& driver) {
    return programs::switchboard(
        {"serve", protocol, "--listen", "udp://127.0.0.1:0", "--driver", driver});
}

void check_refused(const Finished& finished, const std::string& part) {
    CAPTURE(finished.errors);
    CHECK(finished.status == 1);
    CHECK(finished.output == "");
    CHECK(finished.errors.starts_with("switchboard: "));
    CHECK(finished.errors.find(part) != std::string::npos);
    CHECK(finished.errors.find('\n') == finished.errors.size() - 1);
}

}  // namespace

TEST_CASE("udp: nc, socat and exchange against echo, under each driver that serves datagrams") {
    for (const std::string& driver : kDatagramDrivers) {
        CAPTURE(driver);
        Server echo({"echo", "--listen", "udp://127.0.0.1:0", "--driver", driver});
        CHECK(echo.line() == "listening on " + echo.endpoint() + " (echo, " + driver + ")");
        CHECK(support::run({"socat", "-t0.5", "-", "UDP:127.0.0.1:" + echo.port()}, "from socat\n")
                  .output == "from socat\n");
        CHECK(support::run({"nc", "-u", "-w1", "127.0.0.1", echo.port()}, "from nc\n").output ==
              "from nc\n");
        CHECK(ask(echo.endpoint(), {"--text", "from us"}).output == "from us");
        CHECK(ask(echo.endpoint(), {"--text", ""}).status == 0);
        const Finished stopped = echo.stop(SIGTERM);
        CHECK(stopped.status == 0);
    }
}

TEST_CASE("udp: the other services, on any address and by IPv6") {
    for (const std::string& driver : kDatagramDrivers) {
        const auto answer = [&](const std::string& service) {
            CAPTURE(driver);
            CAPTURE(service);
            const Server server({service, "--listen", "udp://*:0", "--driver", driver});
            CHECK(server.endpoint().starts_with("udp://*:"));
            const Finished by4 = ask("udp://127.0.0.1:" + server.port(), {"--text", "?"});
            CHECK(by4.status == 0);
            if (test::machine_has_ipv6())
                CHECK(ask("udp://[::1]:" + server.port(), {"--text", "?"}).status == 0);
            return by4.output;
        };
        CHECK(answer("chargen").size() <= 512);
        CHECK(answer("daytime").ends_with("-UTC\r\n"));
        CHECK(answer("time").size() == 4);
        CHECK(answer("qotd").ends_with("\r\n"));
    }
}

TEST_CASE("udp: exchange reports what failed, and which peer did not answer") {
    const Server discard({"discard", "--listen", "udp://127.0.0.1:0"});
    check_refused(ask(discard.endpoint(), {"--text", "x", "--timeout", "50ms"}),
                  "exchange " + discard.endpoint() + ": receive: connection timed out");
    const Server echo({"echo", "--listen", "udp://127.0.0.1:0"});
    check_refused(ask(echo.endpoint(), {"--text", "12345", "--max-reply", "4"}), "too large");
    CHECK(ask(echo.endpoint(), {"--text", "1234", "--max-reply", "4"}).output == "1234");
    check_refused(ask(echo.endpoint(), {"--text", std::string(70'000, 'x')}), "message too long");
    const Endpoint gone = bind_datagram(Endpoint::udp("127.0.0.1", 0))->local().value();
    check_refused(ask(gone.to_string(), {"--text", "x"}), "connection refused");
}

TEST_CASE("udp: a service without datagrams is refused before a socket opens") {
    for (const std::string driver : {"threads", "thread-pool", "processes", "process-pool"}) {
        check_refused(serve_udp("echo", driver),
                      "--listen udp://127.0.0.1:0: the driver '" + driver +
                          "' does not serve datagrams; use reactor or iterative");
    }
    check_refused(serve_udp("hub", "reactor"), "hub: does not support datagrams (udp)");
    check_refused(serve_udp("nothing", "reactor"), "unknown protocol");
    const Socket taken = bind_datagram(Endpoint::udp("127.0.0.1", 0)).value();
    for (const std::string& driver : kDatagramDrivers) {
        check_refused(programs::switchboard({"serve", "echo", "--driver", driver, "--listen",
                                             taken.local()->to_string()}),
                      "bind " + taken.local()->to_string() + ": address already in use");
    }
}

TEST_CASE("udp: limits apply, and `protocols` lists the protocols that support it") {
    const Server server({"echo", "--listen", "udp://127.0.0.1:0", "--limit", "max_datagram=10"});
    CHECK(ask(server.endpoint(), {"--text", "0123456789"}).output == "0123456789");
    CHECK(ask(server.endpoint(), {"--text", "0123456789A", "--timeout", "50ms"}).status == 1);
    const std::string listed = programs::switchboard({"protocols"}).output;
    std::size_t count = 0;
    for (auto at = listed.find("udp://"); at != std::string::npos;
         at = listed.find("udp://", at + 1))
        ++count;
    CHECK(count == 6);
}

// Counts as `switchboard-bench cost` does. The server is stopped (SIGSTOP) while a burst is sent, so that
// it finds the whole burst when it runs. Otherwise the figure would depend on how the system schedules the
// CPUs.
TEST_CASE("udp: echo of 64 bytes, 64 in flight: at most 0.2 system calls per datagram") {
    if (platform::kMaxSegments == 1) {
        MESSAGE("built for systems that have no batches: nothing checked");
        return;
    }
    constexpr std::size_t kInFlight = 64, kRounds = 50;
    const test::TempDir folder;
    const std::string log = folder / "calls";
    // The leak sanitizer, if it is built in, does not work in a traced process.
    Process strace(Process::Setup{.command = {"strace", "-f", "-qq", "-o", log, kSwitchboard,
                                              "serve", "echo", "--listen", "udp://127.0.0.1:0"},
                                  .environment = {"ASAN_OPTIONS=detect_leaks=0"}});
    const std::string line = strace.read_line();
    Socket client =
        connect_datagram(Endpoint::parse(line.substr(13, line.find(" (") - 13)).value()).value();
    REQUIRE(client.set_timeouts(std::chrono::seconds(30), std::chrono::seconds(30)));
    std::ifstream first(log);
    int server = 0;
    first >> server;
    REQUIRE(server > 0);
    std::array<std::byte, 64> data{};
    const auto stop_state = [&] {
        std::ifstream status("/proc/" + std::to_string(server) + "/stat");
        std::string skipped, state;
        status >> skipped >> skipped >> state;
        return state == "T" || state == "t";
    };
    for (std::size_t round = 0; round < kRounds; ++round) {
        REQUIRE(::kill(server, SIGSTOP) == 0);
        REQUIRE(support::eventually(stop_state));
        for (std::size_t i = 0; i < kInFlight; ++i) REQUIRE(client.send(data));
        REQUIRE(::kill(server, SIGCONT) == 0);
        for (std::size_t i = 0; i < kInFlight; ++i) REQUIRE(client.receive(data));
    }
    REQUIRE(::kill(server, SIGTERM) == 0);
    CHECK(strace.wait().status == 0);
    std::ifstream calls(log);
    std::size_t count = 0;
    bool counting = false;
    for (std::string each; std::getline(calls, each);) {
        counting = counting || each.find("recvmmsg") != std::string::npos ||
                   each.find("recvmsg") != std::string::npos;
        if (counting && each.find("---") == std::string::npos) ++count;
    }
    const double per_datagram = double(count) / double(kRounds * kInFlight);
    MESSAGE("system calls per datagram: ", per_datagram);
    CHECK(per_datagram <= 0.2);
}

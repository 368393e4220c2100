// The services with other programs as clients, and services that talk to each other.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <ctime>

#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// Returns what nc(1) and socat(1) receive from `server` for `input`. Both must receive the same.
std::string ask_outsiders(const Server& server, const std::string& input) {
    const Finished nc = support::run({"nc", "-N", "127.0.0.1", server.port()}, input);
    CHECK(nc.status == 0);
    const Finished socat =
        support::run({"socat", "-t30", "-", "TCP:127.0.0.1:" + server.port()}, input);
    CHECK(socat.status == 0);
    CHECK(nc.output.size() == socat.output.size());
    return nc.output;
}

std::string this_year() {
    const std::time_t now = std::time(nullptr);
    return std::to_string(1900 + std::gmtime(&now)->tm_year);
}

}  // namespace

TEST_CASE("outside: nc and socat against echo, daytime and time, under every driver") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server echo({"echo", "--driver", driver});
        CHECK(ask_outsiders(echo, "from outside\n") == "from outside\n");

        const Server daytime({"daytime", "--driver", driver});
        const std::string text = ask_outsiders(daytime, "");
        CHECK(text.ends_with("\r\n"));
        CHECK(text.find(this_year()) != std::string::npos);

        const Server time({"time", "--driver", driver});
        const std::string bytes = ask_outsiders(time, "");
        REQUIRE(bytes.size() == 4);
        std::uint32_t seconds = 0;
        for (const char byte : bytes) seconds = seconds << 8 | static_cast<unsigned char>(byte);
        // Not time(): it reads a coarser clock, which may be a second behind the one that the server read.
        const auto now = std::chrono::system_clock::now();
        const auto unix_seconds =
            static_cast<std::uint32_t>(std::chrono::system_clock::to_time_t(now));
        const std::uint32_t since_1900 = unix_seconds + 2'208'988'800U;  // RFC 868
        CHECK(since_1900 - seconds <= 60);
    }
}

TEST_CASE("outside: a relay carries what one side sends to the other end") {
    const Server echo({"echo", "--driver", "threads"});
    Server relay({"relay", "--option", "target=" + echo.endpoint()});
    CHECK(relay.line().ends_with("(relay, reactor)"));
    CHECK(ask_outsiders(relay, "through\n") == "through\n");
    const std::string much(2'000'000, 'r');
    CHECK(programs::switchboard({"exchange", relay.endpoint()}, much).output == much);
    const Socket client = relay.connect();
    CHECK(round_trip(client, "before") == "before");
    relay.process().signal(SIGTERM);
    CHECK(round_trip(client, "after") == "after");
    REQUIRE(client.shutdown_write());
    CHECK(ended(client));
    CHECK(relay.process().wait().status == 0);
}

TEST_CASE("outside: a relay whose target is gone ends the connection and lives on") {
    Server echo({"echo"});
    Server relay({"relay", "--option", "target=" + echo.endpoint()});
    CHECK(echo.stop(SIGTERM).status == 0);
    for (int i = 0; i < 2; ++i) {
        const auto client = switchboard::connect(Endpoint::parse(relay.endpoint()).value());
        // The reset may arrive before connect() returns.
        CHECK((client ? ended(*client) : client.error() == std::errc::connection_reset));
    }
    CHECK(relay.stop(SIGTERM).status == 0);
}

TEST_CASE("outside: a hub sends the line of one to all others") {
    const Server hub({"hub"});
    const Socket first = hub.connect();
    const Socket second = hub.connect();
    const Socket last = hub.connect();
    // Connections are accepted in order. So an answer on the last one shows that all are accepted.
    REQUIRE(last.send_all(as_bytes("from the last\n")));
    CHECK(receive(first, 14) == "from the last\n");
    CHECK(receive(second, 14) == "from the last\n");
    REQUIRE(first.send_all(as_bytes("from the ")));
    REQUIRE(first.send_all(as_bytes("first\r\n")));
    CHECK(receive(second, 15) == "from the first\n");
    CHECK(receive(last, 15) == "from the first\n");
}

// serve_main(): the program examples/own_serve.cpp does what `switchboard serve` does.
#include <doctest/doctest.h>

#include <csignal>

#include "server.hpp"
#include "system.hpp"
#include "text.hpp"

using namespace switchboard::programs;
using switchboard::support::run;
using switchboard::test::has;

namespace {

std::string own_endpoint(Process& server, const std::string& driver) {
    const std::string line = server.read_line();
    const std::string tail = " (sum, " + driver + ")";
    REQUIRE_MESSAGE(line.starts_with("listening on "), line);
    REQUIRE_MESSAGE(line.ends_with(tail), line);
    return line.substr(13, line.size() - 13 - tail.size());
}

std::string sum_of(const std::string& endpoint, const std::string& line) {
    const Finished asked = ask(endpoint, {"--end", "line", "--text", line + "\n"});
    CHECK_MESSAGE(asked.status == 0, asked.errors);
    return asked.output;
}

}  // namespace

TEST_CASE("serve_main: serves the protocol of its registry under every driver, and drains") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Process server({example("own_serve"), "sum", "--driver", driver});
        CHECK(sum_of(own_endpoint(server, driver), "2 3") == "5\n");
        server.signal(SIGTERM);
        CHECK(server.wait().status == 0);
    }
}

TEST_CASE("serve_main: the name of the only protocol may be omitted") {
    Process server({example("own_serve"), "--listen", "127.0.0.1:0", "--limit", "idle_timeout=5"});
    CHECK(sum_of(own_endpoint(server, "reactor"), "20 22") == "42\n");
}

TEST_CASE("serve_main: a takeover and metrics work as for switchboard serve" *
          doctest::skip(!switchboard::test::system_tells_peer())) {
    const switchboard::test::TempDir folder;
    const std::vector<std::string> line = {example("own_serve"), "--takeover",
                                           "unix:" + folder / "takeover", "--metrics",
                                           "unix:" + folder / "metrics"};
    Process first(line);
    const std::string at = own_endpoint(first, "reactor");
    Process second(line);
    CHECK(own_endpoint(second, "reactor") == at);
    CHECK(first.wait().status == 0);
    CHECK(sum_of(at, "1 1") == "2\n");
    const Finished metrics =
        ask("unix:" + folder / "metrics", {"--text", "GET /metrics HTTP/1.0\r\n\r\n"});
    CHECK(has(metrics.output, "\nswitchboard_accepted_total 2\n"));
}

TEST_CASE("serve_main: help, version and errors bear the name of the program") {
    const Finished help = run({example("own_serve"), "--help"});
    CHECK(help.status == 0);
    for (const char* part : {"Usage: own_serve [OPTIONS] [protocol]",
                             "\nProtocols:\nsum  adds the numbers of each line\n", "--takeover",
                             "--tls-ca", "--plugin", "\n  thread-pool: ", "\n  max_connections="})
        CHECK_MESSAGE(has(help.output, part), part);
    CHECK(run({example("own_serve"), "--version"}).output == "own_serve 1.0\n");

    const Finished unknown = run({example("own_serve"), "echo"});
    CHECK(unknown.status == 1);
    CHECK(unknown.output == "");
    CHECK(unknown.errors == "own_serve: \"echo\" (available: sum): unknown protocol\n");
    const Finished driver = run({example("own_serve"), "--driver", "none"});
    CHECK(driver.status == 1);
    CHECK(driver.errors.starts_with("own_serve: unknown driver 'none'; available: reactor, "));
    CHECK(run({example("own_serve"), "--nonsense"}).status == 2);
    CHECK(run({example("own_serve"), "sum", "more"}).status == 2);
}

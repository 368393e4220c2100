// The programs of the tutorial in examples/guide/ do what its pages say.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

#include "server.hpp"

using namespace switchboard::programs;
using switchboard::as_bytes;
using switchboard::Endpoint;
using switchboard::Socket;

namespace {

Finished run_example(const std::string& name) {
    return switchboard::support::run({example(name)});
}

Socket connect_to(const std::string& endpoint) {
    auto socket = switchboard::connect(Endpoint::parse(endpoint).value()).value();
    REQUIRE(socket.set_timeouts(std::chrono::seconds(30), std::chrono::seconds(30)));
    return socket;
}

// Returns the rest of the next line, which must start with `label`.
std::string announced(Process& server, const std::string& label = "listening on ") {
    const std::string line = server.read_line();
    REQUIRE_MESSAGE(line.starts_with(label), line);
    return line.substr(label.size());
}

}  // namespace

TEST_CASE("guide: a connection seen from both of its ends") {
    const Finished finished = run_example("two_ends");
    CHECK(finished.status == 0);
    const std::string& text = finished.output;
    const auto field = [&](const std::string& label) {
        const auto start = text.find(label);
        REQUIRE(start != std::string::npos);
        return text.substr(start + label.size(), text.find('\n', start) - start - label.size());
    };
    const std::string client = field("client:   "), at = field("listener: ");
    const std::string from = client.substr(0, client.find(" -> "));
    CHECK(client == from + " -> " + at);
    CHECK(field("served:   ") == at + " -> " + from);
    CHECK(field("received: ") == "hello");
}

TEST_CASE("guide: a client, step by step, and the classic server, one client after the other") {
    Process server({example("accept_loop")});
    const std::string at = announced(server);
    for (const char* name : {"world", "moon"}) {
        const Finished client = switchboard::support::run({example("echo_client"), at, name});
        CHECK(client.output == "hello " + std::string(name) + "\n");
        CHECK(client.status == 0);
    }
    const Finished refused =
        switchboard::support::run({example("echo_client"), "tcp://127.0.0.1:1", "hello"});
    CHECK(refused.errors == "connect tcp://127.0.0.1:1: connection refused\n");
    CHECK(refused.status == 1);
    CHECK(run_example("echo_client").status == 2);
}

TEST_CASE(
    "guide: a listener at localhost cannot be reached from elsewhere, one at any address can") {
    const std::string text = run_example("bind_addresses").output;
    const auto line_of = [&](const std::string& start) {
        const auto at = text.find(start);
        REQUIRE_MESSAGE(at != std::string::npos, text);
        return text.substr(at, text.find('\n', at) - at);
    };
    CHECK(line_of("127.0.0.1:0 listens on ").ends_with(": 127.0.0.1 reached, 127.0.0.2 refused"));
    CHECK(line_of("localhost:0 listens on ")
              .ends_with(", 127.0.0.2 refused"));  // localhost may be ::1
    for (const char* start : {"\n:0 listens on tcp://*:", "0.0.0.0:0 listens on tcp://0.0.0.0:"})
        CHECK(line_of(start).find("refused") == std::string::npos);
    const Finished bad = switchboard::support::run({example("bind_addresses"), "300.1.1.1:80"});
    CHECK(bad.output == "'300.1.1.1:80': not a valid IPv4 address: bad endpoint\n");
    CHECK(bad.status == 1);
}

TEST_CASE("guide: a line is whole however its bytes arrive") {
    Process server({example("line_server")});
    const Socket client = connect_to(announced(server));
    REQUIRE(client.send_all(as_bytes("hel")));
    REQUIRE(client.send_all(as_bytes("lo\nwor")));
    CHECK(receive(client, 6) == "HELLO\n");
    REQUIRE(client.send_all(as_bytes("ld\n")));
    CHECK(receive(client, 6) == "WORLD\n");
    REQUIRE(client.send_all(as_bytes(std::string(9'000, 'x'))));
    CHECK(receive(client, 100) == "ERROR: LINE TOO LONG\n");
}

TEST_CASE("guide: the errors of a non-blocking socket") {
    const Finished finished = run_example("non_blocking");
    CHECK(finished.status == 0);
    const std::string again = "resource temporarily unavailable\n";
    CHECK(finished.output.starts_with("receive: " + again + "receive: hello\n"));
    CHECK(finished.output.ends_with("\nsend: " + again));
}

TEST_CASE("guide: one handler under three main loops, each drained by SIGTERM") {
    for (const char* loop : {"threads", "processes", "reactor"}) {
        CAPTURE(loop);
        Process server({example("three_loops"), loop});
        const std::string at = announced(server);
        const Socket one = connect_to(at), two = connect_to(at);
        CHECK(round_trip(two, "hello") == "hello");
        CHECK(round_trip(one, "world") == "world");
        server.signal(SIGTERM);
        CHECK(ended(one));
        CHECK(ended(two));
        const Finished finished = server.wait();
        CHECK(finished.output == "drained\n");
        CHECK(finished.status == 0);
    }
}

TEST_CASE("guide: how handlers learn that their connection ended") {
    CHECK(run_example("endings").output ==
          "a client that has finished: orderly\n"
          "a client that ends within a line: the peer closed before the message was complete\n"
          "a client that resets the connection: Connection reset by peer\n"
          "a client that says nothing: the connection was idle: timed out\n"
          "a client that does not read: the peer stopped reading: write timed out\n");
}

TEST_CASE("guide: members of a hub talk to each other, also through a relay") {
    Process server({example("operator")});
    const std::string hub = announced(server, "hub at "), relay = announced(server, "relay at ");
    const Socket here = connect_to(hub), behind = connect_to(relay);
    REQUIRE(behind.send_all(as_bytes("hello, this is the other side\n")));
    CHECK(receive(here, 30) == "hello, this is the other side\n");
    REQUIRE(here.send_all(as_bytes("putting you through\n")));
    CHECK(receive(behind, 20) == "putting you through\n");
}

TEST_CASE("guide: handlers share state under a reactor and threads, but processes copy it") {
    CHECK(run_example("shared_state").output ==
          "reactor: 1 2 3\nthreads: 1 2 3\nprocesses: 1 1 1\n");
}

TEST_CASE(
    "guide: a server inside a host's loop, with limits, drains when the host is told to end") {
    Process server({example("hosted_server")});
    const std::string at = announced(server);
    const Socket one = connect_to(at), two = connect_to(at);
    CHECK(round_trip(one, "hello\n") == "hello\n");
    CHECK(round_trip(two, "hello\n") == "hello\n");
    CHECK(receive(connect_to(at), 100) == "busy, come again\n");
    REQUIRE(two.send_all(as_bytes("half a li")));  // not idle, so the drain waits for it
    server.signal(SIGTERM);
    CHECK(ended(one));
    CHECK(server.read_line() == "drained, 1 aborted");
    CHECK(server.wait().status == 0);
}

TEST_CASE("guide: own metrics beside the library's, which do not count the scraper's connection") {
    Process server({example("own_metrics")});
    const Socket client = connect_to(announced(server));
    const std::string page = announced(server, "metrics at ");
    CHECK(round_trip(client, "one\ntwo\n") == "one\ntwo\n");
    const Finished scraped = switchboard::programs::switchboard(
        {"exchange", page, "--text", "GET /metrics HTTP/1.0\r\n\r\n"});
    CHECK(scraped.output.find("\nmy_lines_total 2\n") != std::string::npos);
    CHECK(scraped.output.find("\nswitchboard_accepted_total 1\n") != std::string::npos);
    server.signal(SIGTERM);
    CHECK(server.wait().status == 0);
}

TEST_CASE("guide: a key-value store as a plugin passes its conversations, and is short") {
    const std::string sources = SWITCHBOARD_SOURCE "/examples/plugins/";
    struct Written {
        std::string protocol, source;
        std::ptrdiff_t most_lines;
    };
    for (const Written& each :
         {Written{"kv", "kv.cpp", 59}, Written{"kv-coroutine", "kv_coroutine.cpp", 39}}) {
        CAPTURE(each.protocol);
        const std::string plugin = SWITCHBOARD_BIN "/plugins/" + each.protocol + ".so";
        // It is silent to its end, which takes long with a sanitizer.
        Process check(
            {.command = command({"plugin", "check", plugin, "--transcripts", sources + "kv.txt",
                                 "--most-runs", "100", "--timeout", "100s"}),
             .patience = std::chrono::seconds(100)});
        const Finished checked = check.wait();
        CHECK_MESSAGE(checked.status == 0, checked.output << checked.errors);
        CHECK(checked.output.find(": 72 runs over sockets\n") != std::string::npos);
        std::ifstream source(sources + each.source);
        CHECK(std::count(std::istreambuf_iterator<char>(source), {}, '\n') <= each.most_lines);
        const Server server({each.protocol, "--plugin", plugin});
        CHECK(ask(server.endpoint(), {}, "put a 1\nget a\n").output == "ok\n1\n");
    }
}

TEST_CASE("guide: an own protocol, tested in memory and served") {
    const Finished tested = run_example("sum_test");
    CHECK_MESSAGE(tested.status == 0, tested.errors);
    Process server({example("sum_server"), "tcp://127.0.0.1:0"});
    const std::string at = announced(server);
    const Finished client =
        switchboard::programs::switchboard({"exchange", at, "--end", "line", "--text", "2 3\n"});
    CHECK(client.output == "5\n");
    server.signal(SIGTERM);
    CHECK(server.wait().status == 0);
    CHECK(switchboard::support::run({example("sum_server"), "nowhere"}).status == 2);
}

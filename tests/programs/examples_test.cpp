// Every program of examples/ does what the README quotes it for.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "server.hpp"

using namespace switchboard::programs;

namespace {

std::string example(const std::string& name) {
    return SWITCHBOARD_BIN "/examples/" + name;
}

}  // namespace

TEST_CASE("examples: the smallest server and the smallest client") {
    Process server({example("echo_server")});
    const std::string line = server.read_line();
    REQUIRE(line.starts_with("listening on tcp://127.0.0.1:"));
    const Finished client =
        switchboard::support::run({example("client"), line.substr(13), "hello"});
    CHECK(client.output == "hello\n");
    CHECK(client.status == 0);
    CHECK(switchboard::support::run({example("client"), "nowhere", "hello"}).status == 1);
    CHECK(switchboard::support::run({example("client")}).status == 2);
}

TEST_CASE("examples: one handler under three drivers") {
    const Finished finished = switchboard::support::run({example("one_handler")});
    CHECK(finished.status == 0);
    CHECK(finished.output == "reactor: HELLO\nthreads: HELLO\nmemory: HELLO\n");
}

TEST_CASE("examples: names and numbers are looked up") {
    const Finished found =
        switchboard::support::run({example("resolve"), "127.0.0.1", "2001:DB8::1"});
    CHECK(found.output == "127.0.0.1\n2001:db8::1\n");
    CHECK(found.status == 0);
    const Finished none = switchboard::support::run({example("resolve"), ""});
    CHECK(none.output == "resolve :80: name or service not known\n");
    CHECK(none.status == 1);
}

TEST_CASE("examples: connects by name, or says what became of each address") {
    Process server({example("echo_server")});
    const std::string at = server.read_line().substr(13);
    const std::string port = at.substr(at.rfind(':'));
    const Finished open =
        switchboard::support::run({example("connect_by_name"), "localhost" + port});
    CHECK(open.output == "connected to " + at + "\n");
    CHECK(open.status == 0);
    const Finished refused = switchboard::support::run({example("connect_by_name"), "localhost:1"});
    CHECK(refused.output.find("127.0.0.1: connection refused") != std::string::npos);
    CHECK(refused.status == 1);
    CHECK(switchboard::support::run({example("connect_by_name")}).status == 2);
}

TEST_CASE("examples: connects again and again, and gives up when the server stays away") {
    auto server = std::make_unique<Process>(std::vector{example("echo_server")});
    const std::string at = server->read_line().substr(13);
    Process client({example("reconnect"), at});
    CHECK(client.read_line() == "hello");
    server.reset();
    const Finished finished = client.wait();
    CHECK(finished.output == "connect " + at + ": connection refused\n");
    CHECK(finished.status == 1);
}

TEST_CASE("examples: ten requests over two pooled connections") {
    CHECK(switchboard::support::run({example("connection_pool")}).output ==
          "10 answers over 2 connections\n");
}

TEST_CASE("examples: there is none that no case above runs") {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(example(""))) {
        found.insert(entry.path().filename());
    }
    CHECK(found == std::set<std::string>{"client", "connect_by_name", "connection_pool",
                                         "echo_server", "one_handler", "reconnect", "resolve"});
}

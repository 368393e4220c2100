// The programs of examples/coroutines/ do what the guide says.
#include <doctest/doctest.h>

#include <csignal>

#include "server.hpp"

using namespace switchboard::programs;
using switchboard::Endpoint;
using switchboard::Socket;

namespace {

std::string listening_at(Process& server) {
    const std::string line = server.read_line();
    REQUIRE_MESSAGE(line.starts_with("listening on "), line);
    return line.substr(13);
}

Socket client_of(const std::string& endpoint) {
    auto socket = switchboard::connect(Endpoint::parse(endpoint).value()).value();
    REQUIRE(socket.set_timeouts(std::chrono::seconds(30), std::chrono::seconds(30)));
    return socket;
}

void says(const Socket& client, const std::string& text) {
    REQUIRE(client.send_all(switchboard::as_bytes(text)));
}

}  // namespace

TEST_CASE("guide: a key-value store as a coroutine") {
    Process server({example("key_value")});
    const Socket one = client_of(listening_at(server));
    says(one, "put colour dark");
    says(one, " blue\nget colour\nget size\nput\nquit\n");
    CHECK(receive(one, 35) == "stored\nvalue dark blue\nnone\nerror\n");
    CHECK(ended(one));
}

TEST_CASE("guide: a client with time-outs asks several servers at once") {
    Process store({example("key_value")});
    const std::string at = listening_at(store);
    Process silent({example("room")});  // does not answer
    const std::string nobody = listening_at(silent);
    const Finished asked = switchboard::support::run(
        {example("ask"), "get colour", at, nobody, "tcp://127.0.0.1:1", "nowhere:x"});
    CHECK(asked.status == 0);
    CHECK(asked.output.find(at + ": none\n") != std::string::npos);
    CHECK(asked.output.find(nobody + ": connection timed out\n") != std::string::npos);
    CHECK(asked.output.find("tcp://127.0.0.1:1: ") != std::string::npos);
    CHECK(asked.output.find("connection refused\n") != std::string::npos);
}

TEST_CASE("guide: a proxy as a coroutine copies both ways") {
    Process store({example("key_value")});
    Process proxy({example("proxy"), listening_at(store)});
    const std::string at = listening_at(proxy);
    const Socket one = client_of(at), two = client_of(at);
    says(one, "put a 1\n");
    CHECK(receive(one, 7) == "stored\n");
    says(two, "get a\nquit\n");
    CHECK(receive(two, 8) == "value 1\n");
    CHECK(ended(two));
    REQUIRE(one.shutdown_write());
    CHECK(ended(one));
    Process nowhere({example("proxy"), "tcp://127.0.0.1:1"});
    std::array<std::byte, 1> byte{};
    const auto client =
        connect(Endpoint::parse(listening_at(nowhere)).value(), std::chrono::seconds(30));
    const Error reset = client ? client->receive(byte).error() : client.error();
    CHECK(reset == std::errc::connection_reset);  // perhaps before connect() has returned
}

TEST_CASE("guide: members of a room hear each other") {
    Process server({example("room")});
    const std::string at = listening_at(server);
    const Socket one = client_of(at), two = client_of(at);
    {
        const Socket three = client_of(at);
        says(three, "hello\n");
        CHECK(receive(one, 6) == "hello\n");
        CHECK(receive(two, 6) == "hello\n");
    }
    says(one, "a\nb\n");
    CHECK(receive(two, 4) == "a\nb\n");
    says(two, "c\n");
    CHECK(receive(one, 2) == "c\n");
}

TEST_CASE("serve: every driver serves coroutine-echo") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"coroutine-echo", "--driver", driver});
        const Socket client = server.connect();
        CHECK(round_trip(client, "hello") == "hello");
        CHECK(round_trip(client, "again") == "again");
        REQUIRE(client.shutdown_write());
        CHECK(ended(client));
        const Finished finished = server.stop(SIGTERM);
        CHECK(finished.status == 0);
        CHECK(finished.output == "");
    }
}

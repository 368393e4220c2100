#include <doctest/doctest.h>

#include <set>
#include <switchboard/socket.hpp>
#include <switchboard/testing/memory.hpp>
#include "churn_load.hpp"
#include "once.hpp"

using namespace switchboard;
using namespace switchboard::bench;
using switchboard::testing::MemoryDriver;
using switchboard::testing::MemoryPeer;

namespace {

// Clients on an in-memory network.
struct Bench {
    MemoryPeer& client(std::size_t number = 0) {
        auto made = std::make_unique<OnceClient>(once, number);
        last = made.get();
        MemoryPeer& peer = driver.connect(std::move(made));
        driver.run();
        return peer;
    }
    std::size_t failures(Failure kind) const {
        return once.tally.failures[static_cast<std::size_t>(kind)];
    }

    Once once{8};
    OnceClient* last = nullptr;
    MemoryDriver driver;  // destroyed first, because its clients use the shared state
};

}  // namespace

TEST_CASE("bench once: sends, checks the reply in pieces of any size, and closes") {
    Bench bench;
    MemoryPeer& peer = bench.client();
    const std::string sent = peer.take_received();
    REQUIRE(sent.size() == 8);
    peer.send(sent.substr(0, 5));
    bench.driver.run();
    CHECK(bench.once.tally.answered == 0);
    CHECK_FALSE(peer.saw_eof());
    peer.send(sent.substr(5));
    bench.driver.run();
    CHECK(bench.once.tally.answered == 1);
    CHECK(peer.saw_eof());
    CHECK(bench.once.tally.ended == 1);
    CHECK(bench.once.tally.failed == 0);
    CHECK(bench.once.tally.failures_text().empty());
}

TEST_CASE(
    "bench once: a client that holds its connection is silent until told to send, and stays") {
    Bench bench;
    bench.once.asks_at_once = bench.once.closes = false;
    MemoryPeer& peer = bench.client(3);
    CHECK(peer.received().empty());
    CHECK(bench.once.tally.connected == 1);
    bench.last->ask(*peer.connection());
    bench.driver.run();
    peer.send(peer.take_received());
    bench.driver.run();
    CHECK(bench.once.tally.answered == 1);
    CHECK(bench.once.tally.decided == 1);
    CHECK_FALSE(peer.saw_eof());
    CHECK(bench.once.tally.ended == 0);
}

TEST_CASE("bench once: a wrong or unexpected byte fails the client once") {
    for (const bool extra : {false, true}) {
        Bench bench;
        bench.once.asks_at_once = !extra;
        MemoryPeer& peer = bench.client();
        std::string reply = extra ? "x" : peer.take_received();
        reply.back() ^= 1;
        peer.send(reply);
        bench.driver.run();
        CHECK(bench.once.tally.answered == 0);
        CHECK(bench.once.tally.failed == 1);
        CHECK(bench.failures(Failure::wrong_bytes) == 1);
        CHECK(bench.once.tally.ended == 1);
        CHECK(bench.once.tally.decided == 1);
    }
}

TEST_CASE("bench once: closed, reset and failed connections are counted by cause") {
    Bench bench;
    bench.client(0).shutdown_write();
    bench.client(1).reset();
    bench.driver.run();
    bench.once.never_started("connect tcp://127.0.0.1:1: no luck");
    CHECK(bench.failures(Failure::closed) == 1);
    CHECK(bench.failures(Failure::reset) == 1);
    CHECK(bench.failures(Failure::other) == 1);
    CHECK(bench.once.tally.ended == 3);
    CHECK(bench.once.tally.connects_ended == 3);
    CHECK(bench.once.tally.connected == 2);
    CHECK(bench.once.tally.failures_text().starts_with(
        "1 reset, 1 closed by the server, 1 failed (first: "));
}

TEST_CASE("bench once: tallies add up") {
    OnceTally sum, part;
    part.connected = 2;
    part.failed = 1;
    part.failures[static_cast<std::size_t>(Failure::refused)] = 1;
    part.first_failure = "connection refused";
    sum += part;
    sum += part;
    CHECK(sum.connected == 4);
    CHECK(sum.failures_text() == "2 refused (first: connection refused)");
}

TEST_CASE("bench churn: source addresses take turns, and each is one of loopback") {
    std::set<std::string> hosts;
    for (std::size_t n = 0; n < 1'000; ++n) {
        const Endpoint from = source_address(n);
        CHECK(from.port() == 0);
        CHECK(from.host().starts_with("127.0.0."));
        CHECK(from.addresses()->size() == 1);
        hosts.insert(from.host());
    }
    CHECK(hosts.size() == 250);
}

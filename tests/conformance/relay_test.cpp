// The relay in memory: what each side receives, and how an end on one side ends the other.
#include <doctest/doctest.h>

#include <switchboard/relay.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "text.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::numbers;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

// A relay with one client, and its connect to the target, whose result the test decides.
struct Call {
    explicit Call(testing::NetworkFaults weather = {})
        : driver(weather), client(driver.connect(relay())) {
        driver.run();
    }

    ProtocolFactory relay() {
        return make_relay(
            [this](std::unique_ptr<Protocol> back) -> Result<ConnectionId> {
                calling = std::move(back);
                return ConnectionId{};
            },
            [this](ConnectionId id) { return driver.find(id); });
    }

    MemoryPeer& answer() {
        MemoryPeer& target = driver.connect(std::move(calling));
        driver.run();
        return target;
    }

    MemoryDriver driver;
    std::unique_ptr<Protocol> calling;
    MemoryPeer& client;
};

std::error_code code(std::errc error) {
    return std::make_error_code(error);
}

}  // namespace

TEST_CASE("relay: bytes go both ways unchanged") {
    Call call;
    MemoryPeer& target = call.answer();
    call.client.send("to the target");
    target.send(std::string_view("to\0the client", 13));
    call.driver.run();
    CHECK(target.received() == "to the target");
    CHECK(call.client.received() == std::string_view("to\0the client", 13));
    CHECK(call.driver.open() == 2);
}

TEST_CASE("relay: nothing is read before the target is connected") {
    Call call;
    const std::string text = numbers(4 * kMiB);
    call.client.send(text).shutdown_write();
    call.driver.run();
    CHECK(call.client.unread() == text.size());
    MemoryPeer& target = call.answer();
    CHECK(target.received() == text);
    CHECK(target.saw_eof());
}

TEST_CASE("relay: a FIN is passed on and the other direction goes on") {
    for (const bool client_first : {true, false}) {
        CAPTURE(client_first);
        Call call;
        MemoryPeer& target = call.answer();
        MemoryPeer& first = client_first ? call.client : target;
        MemoryPeer& second = client_first ? target : call.client;
        first.send("last words").shutdown_write();
        call.driver.run();
        CHECK(second.received() == "last words");
        CHECK(second.saw_eof());
        CHECK_FALSE(first.saw_eof());
        CHECK(call.driver.open() == 2);

        second.send("an answer");
        call.driver.run();
        CHECK(first.received() == "an answer");
        second.send(", and the end").shutdown_write();
        call.driver.run();
        CHECK(first.received() == "an answer, and the end");
        CHECK(first.saw_eof());
        CHECK(call.driver.open() == 0);
        CHECK_FALSE(first.close_reason());
        CHECK_FALSE(second.close_reason());
    }
}

TEST_CASE("relay: a side that does not read costs bounded memory, and loses nothing") {
    for (const bool client_reads : {true, false}) {
        CAPTURE(client_reads);
        Call call;
        MemoryPeer& target = call.answer();
        MemoryPeer& source = client_reads ? target : call.client;
        MemoryPeer& sink = client_reads ? call.client : target;
        const std::string text = numbers(10 * kMiB);
        sink.set_window(0);
        source.send(text).shutdown_write();
        call.driver.run();
        CHECK(sink.queued() > 0);
        CHECK(sink.queued() <= 512 * 1024);
        CHECK(source.unread() + sink.queued() == text.size());

        while (sink.received().size() < text.size() / 2) {
            sink.set_window(sink.received().size() + 777'777);
            call.driver.run();
            REQUIRE(sink.queued() <= 512 * 1024);
        }
        sink.set_window(text.size());
        call.driver.run();
        CHECK(sink.received() == text);
        CHECK(sink.saw_eof());
    }
}

TEST_CASE("relay: two relays in series, full both ways, do not wait for each other") {
    Call call;
    std::unique_ptr<Protocol> calling;
    const ProtocolFactory second = make_relay(
        [&](std::unique_ptr<Protocol> back) -> Result<ConnectionId> {
            calling = std::move(back);
            return ConnectionId{};
        },
        [&](ConnectionId id) { return call.driver.find(id); });
    call.driver.join(std::move(call.calling), second());
    call.driver.run();
    MemoryPeer& target = call.driver.connect(std::move(calling));
    const std::string there = numbers(2 * kMiB), back = numbers(3 * kMiB);
    call.client.set_window(0);
    target.set_window(0);
    call.client.send(there).shutdown_write();
    target.send(back).shutdown_write();
    call.driver.run();
    REQUIRE(call.client.unread() > kMiB);
    REQUIRE(target.unread() > kMiB);
    call.client.set_window(back.size());
    target.set_window(there.size());
    call.driver.run();
    CHECK(target.received() == there);
    CHECK(call.client.received() == back);
    CHECK(call.driver.open() == 0);
}

TEST_CASE("relay: a reset on one side resets the other") {
    for (const bool client_resets : {true, false}) {
        CAPTURE(client_resets);
        Call call;
        MemoryPeer& target = call.answer();
        MemoryPeer& first = client_resets ? call.client : target;
        MemoryPeer& second = client_resets ? target : call.client;
        second.send("sent before");
        call.driver.run();
        first.reset();
        call.driver.run();
        CHECK(call.driver.open() == 0);
        CHECK(first.received() == "sent before");
        CHECK(second.saw_reset());
        CHECK(second.close_reason() == code(std::errc::connection_reset));
    }
}

TEST_CASE("relay: a target that cannot be connected ends the client with that error") {
    Call call;
    call.calling->on_close(code(std::errc::connection_refused));
    call.calling.reset();
    call.driver.run();
    CHECK(call.client.saw_reset());
    CHECK(call.client.close_reason() == code(std::errc::connection_refused));

    MemoryDriver driver;
    MemoryPeer& client = driver.connect(make_relay(
        [](std::unique_ptr<Protocol>) -> Result<ConnectionId> {
            return fail(code(std::errc::no_such_file_or_directory), "connect unix:/none");
        },
        [&](ConnectionId id) { return driver.find(id); }));
    driver.run();
    CHECK(client.saw_reset());
    CHECK(client.close_reason() == code(std::errc::no_such_file_or_directory));
}

TEST_CASE("relay: a drain does not end a quiet pair") {
    Call call;
    MemoryPeer& target = call.answer();
    call.driver.drain();
    call.driver.advance(10s);
    CHECK(call.driver.open() == 2);
    target.send("late reply");
    target.shutdown_write();
    call.client.shutdown_write();
    call.driver.run();
    CHECK(call.client.received() == "late reply");
    CHECK(call.driver.open() == 0);
}

TEST_CASE("relay: a target that answers after the client has gone is closed") {
    Call call;
    call.client.reset();
    call.driver.run();
    REQUIRE(call.client.closed());
    MemoryPeer& target = call.answer();
    CHECK(target.closed());
    CHECK(target.received().empty());
}

TEST_CASE("relay: a slow reader has unlimited time, except close_timeout for the rest") {
    Call call;
    MemoryPeer& target = call.answer();
    const std::string text = numbers(300'000);
    call.client.shutdown_write();
    call.client.set_window(0);
    call.driver.run();
    target.send(text).shutdown_write();
    call.driver.run();
    while (call.client.received().size() < text.size() - 64 * 1024) {
        call.driver.advance(10s);
        call.client.set_window(call.client.received().size() + 20'000);
        call.driver.run();
        REQUIRE_FALSE(call.client.closed());
    }
    REQUIRE(target.closed());
    SUBCASE("who takes it in time has all of it") {
        call.driver.advance(4s);
        call.client.set_window(text.size());
        call.driver.run();
        CHECK(call.client.received() == text);
        CHECK_FALSE(call.client.close_reason());
    }
    SUBCASE("who does not is told by a reset") {
        call.driver.advance(6s);
        CHECK(call.client.saw_reset());
        CHECK(call.client.close_reason() == make_error_code(errc::close_timed_out));
    }
    CHECK(call.driver.open() == 0);
}

TEST_CASE("relay: an orderly end is not affected by the other side's later reset") {
    Call call;
    MemoryPeer& target = call.answer();
    call.client.shutdown_write();
    call.client.set_window(0);
    call.driver.run();
    target.send("the last word").shutdown_write();
    call.driver.run();
    target.reset();
    call.driver.run();
    CHECK_FALSE(call.client.closed());
    call.client.set_window(100);
    call.driver.run();
    CHECK(call.client.received() == "the last word");
    CHECK(call.client.closed());
    CHECK_FALSE(call.client.close_reason());
}

TEST_CASE("relay: every byte is right under all simulated faults") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        Call call({.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
        MemoryPeer& target = call.answer();
        const std::string there = numbers(200'000), back = numbers(150'000);
        call.client.send(there).shutdown_write();
        target.send(back).shutdown_write();
        call.driver.run();
        REQUIRE(target.received() == there);
        REQUIRE(call.client.received() == back);
        REQUIRE(call.driver.open() == 0);
        REQUIRE_FALSE(target.close_reason());
    }
}

TEST_CASE("relay: no simulated fault leaves one side open") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        Call call({.seed = seed,
                   .short_reads = true,
                   .short_writes = true,
                   .reorder = true,
                   .reset_chance = 0.02});
        if (!call.calling) continue;
        MemoryPeer& target = call.answer();
        call.client.send(numbers(50'000)).shutdown_write();
        target.send(numbers(50'000)).shutdown_write();
        call.driver.run();
        REQUIRE(call.driver.open() == 0);
    }
}

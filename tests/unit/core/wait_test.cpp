#include "blocking/wait.hpp"

#include <doctest/doctest.h>

#include <switchboard/exchange.hpp>
#include <thread>

#include "../support/loopback.hpp"

using namespace switchboard;
using namespace switchboard::detail;
using namespace std::chrono_literals;

TEST_CASE("wait: a time beyond the clock's range is never") {
    CHECK(from_now(std::chrono::milliseconds::max()) == kNever);
    CHECK(in(std::chrono::milliseconds::max()) == kNever);
    CHECK(in(0ms) == kNever);
    const auto before = Clock::now();
    const auto later = from_now(1h);
    CHECK(later >= before + 1h);
    CHECK(later <= Clock::now() + 1h);
}

TEST_CASE("wait: kAtOnce does not wait, although it is before the clock's range") {
    const auto before = Clock::now();
    CHECK_FALSE(wait_for({}, kAtOnce));
    CHECK(Clock::now() - before < 5s);
}

TEST_CASE("wait: an exchange may have the longest possible time-out") {
    const test::Listener listener;
    std::thread server([&] {
        const auto client = listener.socket.accept();
        if (client) (void)client->send_all(as_bytes("hi"));
    });
    const auto reply =
        switchboard::exchange(listener.at, {}, {.timeout = std::chrono::milliseconds::max()});
    server.join();
    REQUIRE(reply.has_value());
    CHECK(as_text(*reply) == "hi");
}

// The time-outs of ClientProtocol, on the virtual clock, and its conformance.
#include <doctest/doctest.h>

#include <switchboard/testing/conformance.hpp>

#include "conforms.hpp"
#include "exchanges.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

const ClientLimits kTimes{.head = 30s, .body_idle = 60s, .keep_alive = 20s};
const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

bool timed_out(const TestUser& user, const char* why) {
    return user.ended && user.ending.error == std::errc::timed_out &&
           std::string_view(user.ending.why) == why;
}

}  // namespace

TEST_CASE("http times: a head must come within its time, however its bytes drip") {
    Line line(kTimes);
    line.driver.advance(10s);
    const auto user = line.start();
    for (int i = 0; i < 29; ++i) {
        line.answer(kHead.substr(static_cast<std::size_t>(i), 1));
        line.driver.advance(1s);
    }
    CHECK_FALSE(user->ended);
    line.driver.advance(1s);
    CHECK(timed_out(*user, "head"));
    CHECK(line.peer.saw_reset());
}

TEST_CASE("http times: a body must go on") {
    Line line(kTimes);
    const auto user = line.start();
    line.answer(kHead);
    for (int i = 0; i < 4; ++i) {
        line.driver.advance(59s);
        line.answer("x");
    }
    CHECK_FALSE(user->ended);
    line.driver.advance(60s);
    CHECK(timed_out(*user, "body_idle"));
}

TEST_CASE("http times: a pause has no time-out, and the time starts anew behind it") {
    Line line(kTimes);
    const auto user = std::make_shared<TestUser>();
    user->pauses_after = 1;
    line.start(user);
    line.answer(kHead + "h");
    line.driver.advance(1h);
    CHECK_FALSE(user->ended);
    line.owner->connection->resume(*line.user);
    line.driver.run();
    line.driver.advance(59s);
    CHECK_FALSE(user->ended);
    line.driver.advance(1s);
    CHECK(timed_out(*user, "body_idle"));
}

TEST_CASE("http times: a request that does not go on, and a head after it") {
    const std::function<bool(http::BodyWriter&)> never = [](http::BodyWriter&) { return true; };
    Line waits(kTimes);
    const auto user = waits.start({.head = kPost, .source = &never});
    waits.driver.advance(59s);
    CHECK_FALSE(user->ended);
    waits.driver.advance(1s);
    CHECK(timed_out(*user, "body_idle"));

    Line slow(kTimes);
    const std::string body(100'000, 'x');
    slow.peer.set_window(1'000);
    const auto sending = slow.start({.head = kPost, .body = body});
    for (int i = 0; i < 110; ++i) {
        slow.driver.advance(1s);
        slow.peer.take_received();
        slow.driver.run();
    }
    CHECK_FALSE(sending->ended);  // the time of the head starts when the request is out
    slow.driver.advance(30s);
    CHECK(timed_out(*sending, "head"));
}

TEST_CASE("http times: an unused connection is closed") {
    Line line(kTimes);
    line.start();
    line.answer(kHead + "hello");
    line.driver.advance(19s);
    CHECK_FALSE(line.peer.closed());
    line.driver.advance(1s);
    CHECK(line.peer.closed());
    CHECK_FALSE(line.peer.close_reason());
    CHECK(line.owner->ends == 1);
}

TEST_CASE("http times: zero is no limit") {
    Line line({.head = 0ms, .body_idle = 0ms, .keep_alive = 0ms});
    const auto user = line.start();
    line.driver.advance(24h);
    line.answer(kHead);
    line.driver.advance(24h);
    line.answer("hello");
    line.driver.advance(24h);
    CHECK(user->ended);
    CHECK_FALSE(line.peer.closed());
}

namespace {

// Sends one request on each connection.
ProtocolFactory one_request() {
    return [] {
        auto owner = std::make_shared<TestOwner>();
        owner->at_open = [](ClientProtocol& connection) {
            connection.start(std::make_shared<TestUser>(), {.head = kGet});
        };
        return std::make_unique<ClientProtocol>(ClientLimits{}, owner);
    };
}

}  // namespace

TEST_CASE("http exchange: conforms, whatever the server sends") {
    for (const std::string& reply :
         {kHead + "hello", kHead + "hello, too long", kHead + "hell", std::string("HTTP/1.1 2"),
          std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello"),
          std::string(
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!")})
        CHECK(testing::check_deliveries(one_request(), reply) == kNone);
    CHECK(testing::check_robustness(one_request(), 200) == kNone);
}

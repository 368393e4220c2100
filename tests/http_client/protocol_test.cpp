// ClientProtocol in memory: exchanges, bodies in both directions, pauses, and ends.
#include <doctest/doctest.h>

#include <switchboard/testing/conformance.hpp>

#include "exchanges.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

using Source = std::function<bool(http::BodyWriter&)>;

// The body in the chunks that were received.
std::string unchunked(std::string_view text) {
    std::string body;
    http::detail::Chunks chunks;
    while (!chunks.done()) {
        const auto piece = chunks.next(text);
        if (piece.refused || piece.used == 0) return "malformed: " + std::string(text);
        body += piece.data;
        text.remove_prefix(piece.used);
    }
    return text.empty() ? body : "more: " + std::string(text);
}

}  // namespace

TEST_CASE("http exchange: a request and its reply, one after another on one connection") {
    Line line;
    for (std::size_t i = 1; i <= 3; ++i) {
        const auto user = line.start();
        CHECK(line.peer.take_received() == kGet);
        line.answer(kHello);
        CHECK(user->seen == "200 hello|");
        CHECK(line.owner->frees == i);
    }
    CHECK_FALSE(line.peer.closed());
    CHECK(line.owner->openings == 1);
}

TEST_CASE("http exchange: the next one may start while the last one ends") {
    Line line;
    const auto next = std::make_shared<TestUser>();
    line.owner->at_free = [&](ClientProtocol& connection) {
        line.owner->at_free = {};
        connection.start(next, {.head = kPost});
    };
    const auto user = line.start();
    line.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n");
    CHECK(user->seen == "200 |");
    CHECK(user->ending.trailers == http::detail::OwnedFields{{"A", "b"}});
    CHECK(line.peer.received() == kGet + kPost);
    line.answer(kHello);
    CHECK(next->seen == "200 hello|");
}

TEST_CASE("http exchange: a connection is closed and not used again") {
    const auto closes = [](std::string_view reply) {
        Line line;
        const auto user = line.start();
        line.answer(reply);
        CHECK(user->ended);
        CHECK_FALSE(user->ending.error);
        CHECK(line.owner->frees == 0);
        CHECK(line.owner->ends == 1);
        return line.peer.saw_eof() && !line.peer.saw_reset();
    };
    CHECK(closes("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    CHECK(closes("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    CHECK(closes(kHello + "HTTP/1.1 200 OK\r\n"));  // more than was asked for
}

TEST_CASE("http exchange: bytes that nobody asked for end an unused connection") {
    Line line;
    line.start();
    line.answer(kHello);
    line.answer(kHello);
    CHECK(line.owner->ends == 1);
    CHECK(line.peer.closed());
    CHECK(line.peer.close_reason() == errc::malformed_message);
    Line silent;
    silent.peer.shutdown_write();
    silent.driver.run();
    CHECK(silent.owner->ends == 1);
    CHECK(silent.peer.closed());
    CHECK_FALSE(silent.peer.close_reason());
}

TEST_CASE("http exchange: a body goes out with its head, and in parts if it is long") {
    Line line;
    const auto user = line.start({.head = kPost, .body = "abc"});
    CHECK(line.peer.take_received() == kPost + "abc");
    CHECK(line.peer.write_calls() == 1);
    line.answer(kHello);
    const std::string body = numbers(3'000'000);
    line.peer.set_window(10'000);
    line.start({.head = kPost, .body = body});
    std::string received;
    std::size_t most = 0;
    while (received.size() < kPost.size() + body.size()) {
        most = std::max(most, line.peer.queued());
        received += line.peer.take_received();
        line.driver.run();
    }
    CHECK((received == kPost + body));
    CHECK(most < 200'000);
    line.answer(kHello);
    CHECK(line.owner->frees == 2);
}

TEST_CASE("http exchange: a body from a source, in chunks or with a length") {
    const std::string body = numbers(500'000);
    for (const bool chunked : {true, false}) {
        Line line;
        std::size_t at = 0, calls = 0;
        const Source source = [&](http::BodyWriter& to) {
            ++calls;
            while (at < body.size()) {
                const auto piece = std::string_view(body).substr(at, 7'000);
                at += piece.size();
                if (!to.write(piece)) return true;
            }
            return false;
        };
        line.peer.set_window(20'000);
        const auto user = std::make_shared<TestUser>();
        line.start(user,
                   {.head = kPost,
                    .source = &source,
                    .length = chunked ? std::nullopt : std::optional<std::uint64_t>(body.size())});
        CHECK(at < 200'000);  // it waits for the peer
        std::string received;
        for (int i = 0; i < 200; ++i) {
            received += line.peer.take_received();
            line.driver.run();
        }
        CHECK(calls > 3);
        const std::string sent = received.substr(kPost.size());
        CHECK(((chunked ? unchunked(sent) : sent) == body));
        line.answer(kHello);
        CHECK(user->seen == "200 hello|");
        CHECK(line.owner->frees == 1);
    }
}

TEST_CASE("http exchange: a source that has nothing yet is called again after resume()") {
    Line line;
    std::string waiting;
    bool over = false;
    const Source source = [&](http::BodyWriter& to) {
        to.write(std::exchange(waiting, ""));
        return !over;
    };
    line.start({.head = kPost, .source = &source});
    CHECK(line.peer.take_received() == kPost);
    for (const std::string& part : {std::string("one"), std::string("three")}) {
        waiting = part;
        line.owner->connection->resume(*line.user);
        line.driver.run();
        CHECK(line.peer.take_received() == std::to_string(part.size()) + "\r\n" + part + "\r\n");
    }
    over = true;
    line.owner->connection->resume(*line.user);
    line.driver.run();
    CHECK(line.peer.take_received() == "0\r\n\r\n");
    line.answer(kHello);
    CHECK(line.owner->frees == 1);
}

TEST_CASE("http exchange: a source with the wrong length, or that throws, aborts") {
    const auto told = [](const Source& source) {
        Line line;
        const auto user = line.start({.head = kPost, .source = &source, .length = 5});
        CHECK(line.peer.saw_reset());
        CHECK(line.owner->ends == 1);
        return user->ending.error;
    };
    CHECK(told([](http::BodyWriter& to) {
              to.write("too long");
              return true;
          }) == http::client_errc::wrong_length);
    CHECK(told([](http::BodyWriter& to) { return !to.write("tiny"); }) ==
          http::client_errc::wrong_length);
    CHECK(told([](http::BodyWriter&) -> bool { throw std::runtime_error("x"); }) ==
          errc::handler_failed);
}

TEST_CASE("http exchange: an answer before the request is out is read, and then the end") {
    const std::string body(1'000'000, 'b');
    Line line;
    line.peer.set_window(10'000);
    const auto user = line.start({.head = kPost, .body = body});
    line.answer("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno");
    CHECK(user->seen == "413 no");
    line.peer.set_window(SIZE_MAX);
    line.driver.run();
    CHECK(line.peer.received().size() < 300'000);  // what was queued, and no more
    line.answer("!");
    CHECK(user->seen == "413 no!|");
    CHECK(line.owner->frees == 0);
    CHECK(line.peer.saw_eof());
}

TEST_CASE("http exchange: bodies in both directions at once") {
    Line line;
    std::string waiting = "ping";
    bool over = false;
    const Source source = [&](http::BodyWriter& to) {
        to.write(std::exchange(waiting, ""));
        return !over;
    };
    const auto user = line.start({.head = kPost, .source = &source});
    line.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n");
    CHECK(user->seen == "200 pong");
    waiting = "again";
    over = true;
    line.owner->connection->resume(*line.user);
    line.driver.run();
    CHECK(line.peer.received() == kPost + "4\r\nping\r\n5\r\nagain\r\n0\r\n\r\n");
    line.answer("0\r\n\r\n");
    CHECK(user->seen == "200 pong|");
    CHECK(line.owner->frees == 1);
}

TEST_CASE("http exchange: a pause stops the body, and its end, until resume()") {
    for (const std::size_t after : {1U, 3U, 5U}) {
        CAPTURE(after);
        Line line;
        const auto user = std::make_shared<TestUser>();
        user->pauses_after = after;
        line.start(user);
        for (const char byte : kHello) line.answer(std::string(1, byte));
        CHECK(user->seen == "200 " + std::string("hello").substr(0, after));
        line.owner->connection->resume(*line.user);
        line.driver.run();
        CHECK(user->seen == "200 hello|");
        CHECK(line.owner->frees == 1);
    }
}

TEST_CASE("http exchange: bytes behind a reply that was paused are seen") {
    Line line;
    const auto user = std::make_shared<TestUser>();
    user->pauses_after = 5;
    line.start(user);
    line.answer(kHello + "X");
    CHECK(user->seen == "200 hello");
    line.owner->connection->resume(*line.user);
    line.driver.run();
    CHECK(user->seen == "200 hello|");
    CHECK(line.owner->frees == 0);
    CHECK(line.owner->ends == 1);
}

TEST_CASE("http exchange: a pause holds the end of the connection back, too") {
    Line line;
    const auto user = std::make_shared<TestUser>();
    user->pauses_after = 2;
    line.start(user);
    line.peer.send("HTTP/1.1 200 OK\r\n\r\nhello").shutdown_write();
    line.driver.run();
    CHECK(user->seen == "200 hello");
    line.owner->connection->resume(*line.user);
    line.driver.run();
    CHECK(user->seen == "200 hello|");
    CHECK(line.peer.closed());
}

TEST_CASE("http exchange: replies that are cut off, and connections that end") {
    const auto ends = [](std::string_view reply, bool reset) {
        Line line;
        const auto user = line.start();
        if (!reply.empty()) line.answer(reply);
        reset ? line.peer.reset() : line.peer.shutdown_write();
        line.driver.run();
        REQUIRE(user->ended);
        CHECK(line.owner->ends == 1);
        CHECK(user->ending.nothing_came == reply.empty());
        return user->ending.error;
    };
    for (const std::string_view part : {"", "HTTP/1.1 200", "HTTP/1.1 100 Continue\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                        "5\r\nhello\r\n0\r\n"}) {
        CAPTURE(part);
        CHECK(ends(part, false) == errc::incomplete_message);
        CHECK(ends(part, true) == std::errc::connection_reset);
    }
    CHECK_FALSE(ends("HTTP/1.1 200 OK\r\n\r\nhello", false));
    CHECK(ends("HTTP/1.1 200 OK\r\n\r\nhello", true) == std::errc::connection_reset);
}

TEST_CASE("http exchange: cancel() and detach() end it without a word") {
    for (const bool cancels : {true, false}) {
        Line line;
        const auto user = line.start();
        ClientProtocol& connection = *line.owner->connection;
        cancels ? connection.cancel(*user) : connection.detach();
        line.driver.run();
        CHECK(line.peer.saw_reset());
        CHECK_FALSE(user->ended);
    }
    Line within;
    const auto user = std::make_shared<TestUser>();
    ClientProtocol* const connection = within.owner->connection;
    user->at_body = [&] { connection->cancel(*user); };
    within.start(user);
    within.answer(kHello);
    CHECK(user->seen == "200 hello");
    CHECK(within.peer.saw_reset());
    Line unused;
    unused.owner->connection->detach();
    unused.driver.run();
    CHECK(unused.peer.saw_eof());
    CHECK(unused.owner->ends == 0);
}

TEST_CASE("http exchange: a driver that drains") {
    Line line;
    const auto user = line.start();
    line.driver.drain();
    line.driver.run();
    line.answer(kHello);
    CHECK(user->seen == "200 hello|");
    CHECK(line.owner->frees == 0);
    CHECK(line.peer.closed());
    Line unused;
    unused.driver.drain();
    unused.driver.run();
    CHECK(unused.peer.closed());
    CHECK(unused.owner->ends == 1);
}

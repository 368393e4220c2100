// Response::send_file().
#include <doctest/doctest.h>

#include <switchboard/testing/memory.hpp>
#include <switchboard/tls.hpp>

#include "conforms.hpp"
#include "file_of.hpp"
#include "http_servers.hpp"
#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::answer_of;
using test::body_of;
using test::fixed_date;
using test::has;
using test::request_of;

namespace {

http::Server sending(FileRange body, unsigned status = 200) {
    http::Server server(fixed_date());
    server.route("GET", "/", [=](const http::Request&, http::Response& response) {
        response.status(status).type("text/plain").send_file(body);
    });
    return server;
}

http::Server sending(const std::string& text) {
    return sending({test::file_of(text), 0, text.size()});
}

}  // namespace

TEST_CASE("http files: the head and a part of a file, byte for byte") {
    const auto server = sending({test::file_of("0123456789"), 3, 4});
    const std::string head =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
        "Content-Length: 4\r\n\r\n";
    CHECK(answer_of(server, request_of("GET /")) == head + "3456");
    CHECK(answer_of(server, request_of("HEAD /")) == head);
    test::conforms(server.factory(), request_of("GET /") + request_of("GET /"));
}

TEST_CASE("http files: no bytes of the file for 204, 304 and an empty range") {
    const auto file = test::file_of("text");
    for (const unsigned status : {204U, 304U})
        CHECK(body_of(answer_of(sending({file, 0, 4}, status), request_of("GET /"))).empty());
    const auto empty = sending({file, 4, 0});
    const std::string two = answer_of(empty, request_of("GET /") + request_of("GET /"));
    CHECK(test::count(two, "Content-Length: 0\r\n\r\n") == 2);
}

TEST_CASE("http files: requests in a pipeline wait for the file before them") {
    const std::string text = test::numbers(300'000);
    const auto server = sending(text);
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server.factory());
    peer.set_window(1'000);
    peer.send(request_of("GET /") + request_of("GET /") + request_of("GET /"));
    driver.run();
    CHECK(peer.unread() == 2 * request_of("GET /").size());
    // A slow download is not an idle connection.
    driver.advance(10s);
    std::string got;
    for (int i = 0; i < 20; ++i) {
        got += peer.take_received();
        driver.run();
        driver.advance(9s);
    }
    CHECK_FALSE(peer.closed());
    peer.set_window(10'000'000);
    driver.run();
    got += peer.take_received();
    CHECK(test::count(got, "HTTP/1.1 200 OK") == 3);
    CHECK(got.substr(got.size() - text.size()) == text);
    CHECK(peer.unread() == 0);
}

TEST_CASE("http files: a file that is shorter than its range resets the connection") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(sending({test::file_of("short"), 0, 100}).factory());
    peer.send(request_of("GET /"));
    driver.run();
    CHECK(peer.close_reason() == errc::file_too_short);
    CHECK(peer.saw_reset());
}

TEST_CASE("http files: an answer without a file is a 500, and its length with one is kept") {
    CHECK(test::status_of(answer_of(sending(FileRange{}), request_of("GET /"))) == "500");
    CHECK(has(answer_of(sending("abc"), request_of("HEAD /")), "Content-Length: 3\r\n"));
}

TEST_CASE("http files: the same above TLS") {
    const std::string text = test::numbers(300'000);
    test::Seen client, unused;
    testing::MemoryDriver driver;
    driver.join(test::make_client().wrap(
                    "server.example",
                    test::end(client, {.sends = request_of("GET /", "Connection: close\r\n")})()),
                test::make_server().wrap(sending(text).factory())());
    driver.run();
    CHECK(body_of(client.text) == text);
    CHECK_FALSE(client.reason);
}

TEST_CASE("http files: an answer that comes later can be a file, and requests behind it wait") {
    const std::string text = test::numbers(300'000);
    const auto file = test::file_of(text);
    std::vector<http::Later> waiting;
    http::Server server(fixed_date());
    server.route("GET", "/", [&](const http::Request&, http::Response& response) {
        waiting.push_back(response.later());
    });
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server.factory());
    peer.set_window(1'000);
    peer.send(request_of("GET /") + request_of("HEAD /"));
    driver.run();
    REQUIRE(waiting.size() == 1);
    waiting.at(0).send_file({.file = file, .offset = 0, .length = text.size()});
    driver.run();
    CHECK(waiting.size() == 1);  // the file is not sent yet
    peer.set_window(1'000'000);
    driver.run();
    REQUIRE(waiting.size() == 2);
    CHECK(body_of(peer.take_received()) == text);
    waiting.at(1).send_file({.file = file, .offset = 0, .length = text.size()});
    driver.run();
    CHECK(has(peer.received(), "Content-Length: 300000\r\n"));
    CHECK(body_of(peer.received()).empty());
}

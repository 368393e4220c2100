// The function for access logs.
#include <doctest/doctest.h>

#include <switchboard/testing/memory.hpp>

#include "http_servers.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::request_of;

namespace {

// Serves some of everything, and writes a line for each request.
struct Logged {
    explicit Logged() : server(options()) {
        server.route("GET", "/now", [](const http::Request&, http::Response& response) {
            response.status(201).send("hello");
        });
        server.route("GET", "/fails", [](const http::Request&, http::Response&) {});
        server.route("GET", "/late", [this](const http::Request&, http::Response& response) {
            late.emplace(response.later());
        });
        server.route("GET", "/stream", [this](const http::Request&, http::Response& response) {
            stream.emplace(response.status(202).stream());
            stream->write("hello");
        });
        server.route("POST", "/up",
                     [this](const http::Request&, http::Response& response) {
                         late.emplace(response.later());
                         response.read({});
                     },
                     {.body = http::Body::stream});
    }
    http::ServerOptions options() {
        auto with = test::fixed_date();
        with.on_done = [this](const http::Done& done) {
            log += std::string(done.method) + ' ' + std::string(done.target) + ' ' +
                   std::to_string(done.status) + ' ' + std::to_string(done.bytes) + '\n';
        };
        return with;
    }
    testing::MemoryPeer& ask(const std::string& input) {
        auto& peer = driver.connect(server.factory());
        peer.send(input);
        driver.run();
        return peer;
    }
    std::string log;
    http::Server server;
    std::optional<http::Later> late;
    std::optional<http::Stream> stream;
    testing::MemoryDriver driver;
};

}  // namespace

TEST_CASE("http on_done: one call for each request, when its answer is complete") {
    Logged server;
    server.ask(request_of("GET /now?x=y") + request_of("HEAD /now") + request_of("GET /none") +
               request_of("GET /late") + request_of("GET /now"));
    const std::string first = "GET /now?x=y 201 5\nHEAD /now 201 0\nGET /none 404 10\n";
    CHECK(server.log == first);
    server.late->status(203).send("late");
    server.driver.run();
    CHECK(server.log == first + "GET /late 203 4\nGET /now 201 5\n");
    server.log.clear();
    server.ask(request_of("GET /stream"));
    CHECK(server.log.empty());
    server.stream->write(", world");
    server.stream->end();
    CHECK(server.log == "GET /stream 202 12\n");
}

TEST_CASE("http on_done: refused, failed and lost requests are told, too") {
    Logged server;
    server.ask("GET / HTTP/9.9\r\n\r\n");
    server.ask("\x16\x03");
    server.ask(request_of("GET /fails"));
    CHECK(server.log == "  505 27\n  400 12\nGET /fails 500 22\n");
    server.log.clear();
    server.ask(request_of("GET /late")).reset();
    server.driver.run();
    server.ask(request_of("GET /stream")).reset();
    server.driver.run();
    server.ask(request_of("POST /up", "Content-Length: 5\r\n", "a"));
    server.driver.advance(1h);
    CHECK(server.log == "GET /late 0 0\nGET /stream 202 5\nPOST /up 408 16\n");
}

// Answers that are given after the handler has returned.
#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <switchboard/testing/memory.hpp>
#include <vector>

#include "http_servers.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::count;
using test::fixed_date;
using test::has;
using test::request_of;
using test::status_of;

namespace {

// GET /later/{name} is answered by answer_all(), and GET / at once.
class LaterServer {
public:
    explicit LaterServer(http::RouteOptions options = {}) : server_(test::hello()) {
        const auto handler = [this](const http::Request& request, http::Response& response) {
            response.field("X-Name", request.parameter("name"));
            waiting.push_back(response.status(201).later());
            CHECK(response.sent());
            waiting.back().on_gone([this](std::error_code why) { gone.push_back(why); });
        };
        server_.route("GET", "/later/{name}", handler, options);
    }
    testing::MemoryPeer& connect(const ConnectionLimits& limits = {}) {
        return driver.connect(server_.factory(), limits);
    }
    testing::MemoryPeer& ask(const std::string& input) {
        auto& peer = connect();
        peer.send(input);
        driver.run();
        return peer;
    }
    void answer_all() {
        while (!waiting.empty()) {
            auto now = std::move(waiting);
            waiting.clear();
            for (auto& later : now) later.send("late");
            driver.run();
        }
    }

    std::vector<http::Later> waiting;
    std::vector<std::error_code> gone;

private:
    http::Server server_;

public:
    testing::MemoryDriver driver;  // destroyed first
};

const std::string kLater = request_of("GET /later/a");

constexpr std::string_view kLate =
    "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Name: a\r\n"
    "Content-Length: 4\r\n\r\nlate";

}  // namespace

TEST_CASE("http later: requests behind it wait, and all answers come in order") {
    const std::string input = kLater + request_of("GET /") + request_of("GET /later/b") +
                              request_of("GET /later/a") + request_of("GET /");
    for (std::size_t split = 0; split <= input.size(); ++split) {
        for (const bool between : {false, true}) {
            LaterServer server;
            auto& peer = server.ask(input.substr(0, split));
            if (split >= kLater.size()) CHECK(server.waiting.size() == 1);
            if (between) server.answer_all();
            peer.send(input.substr(split));
            peer.shutdown_write();
            server.driver.run();
            server.answer_all();
            const std::string& got = peer.received();
            CHECK(got.starts_with(kLate));
            CHECK(count(got, "\r\n\r\nlate") == 3);
            CHECK(got.find("\r\n\r\nhello") < got.find("X-Name: b"));
            CHECK(got.ends_with("\r\n\r\nhello"));
            CHECK(peer.closed());
            CHECK_FALSE(peer.close_reason());
            CHECK(server.gone.empty());
        }
    }
}

TEST_CASE("http later: the end of the connection is told, and an answer then has no effect") {
    LaterServer server;
    auto& peer = server.ask(kLater);
    REQUIRE(server.waiting.size() == 1);
    CHECK(server.waiting[0].alive());
    peer.reset();
    server.driver.run();
    CHECK(server.gone == std::vector{std::make_error_code(std::errc::connection_reset)});
    CHECK_FALSE(server.waiting[0].alive());
    server.waiting[0].status(200).type("x").send("late");
    server.waiting.clear();
    CHECK(peer.received().empty());
    CHECK(server.gone.size() == 1);
}

TEST_CASE(
    "http later: an answer 5 s after the peer has left sends and keeps nothing, and is counted") {
    testing::MemoryDriver driver;
    struct Counted {
        unsigned status;
        std::uint64_t bytes;
        std::string target;
    };
    std::vector<Counted> counted;
    auto options = fixed_date();
    options.on_done = [&](const http::Done& done) {
        counted.push_back({done.status, done.bytes, std::string(done.target)});
    };
    const auto held = std::make_shared<std::string>("of the handler");
    std::vector<http::Later> waiting;
    std::vector<std::error_code> gone;
    http::Server server(options);
    server.route("GET", "/", [&](const http::Request&, http::Response& response) {
        waiting.push_back(response.later());
        waiting.back().on_gone([&, held](std::error_code why) { gone.push_back(why); });
    });
    auto& peer = driver.connect(server.factory());
    peer.send(request_of("GET /") + request_of("GET /behind"));
    driver.advance(5s);
    CHECK(counted.empty());
    CHECK(held.use_count() == 2);
    peer.reset();
    driver.advance(5s);
    CHECK(gone == std::vector{std::make_error_code(std::errc::connection_reset)});
    CHECK(driver.open() == 0);
    CHECK(held.use_count() == 1);
    REQUIRE(waiting.size() == 1);
    waiting[0].status(200).field("X", "y").send("late");
    waiting.clear();
    driver.advance(1h);
    CHECK(peer.received().empty());
    REQUIRE(counted.size() == 1);
    CHECK(counted[0].status == 0);
    CHECK(counted[0].bytes == 0);
    CHECK(counted[0].target == "/");
}

TEST_CASE("http later: a connection that ends may destroy the answer, or the answer be destroyed") {
    auto held = std::make_unique<LaterServer>();
    held->ask(kLater);
    std::vector<http::Later> outlives = std::move(held->waiting);
    outlives[0].on_gone([&](std::error_code) { outlives.clear(); });
    held.reset();
    CHECK(outlives.empty());
}

TEST_CASE("http later: an answer that is dropped is a 500, and ends the connection") {
    LaterServer server;
    auto& peer = server.ask(kLater + request_of("GET /"));
    server.waiting.clear();
    server.driver.run();
    CHECK(status_of(peer.received()) == "500");
    CHECK(has(peer.received(), "Connection: close\r\n"));
    CHECK_FALSE(has(peer.received(), "hello"));
    CHECK(peer.close_reason() == errc::handler_failed);
    CHECK(server.gone.empty());
}

TEST_CASE("http later: within the handler it may be answered, dropped, or followed by a throw") {
    std::vector<http::Later> kept;
    http::Server server = test::hello();
    server.route("GET", "/now", [](const http::Request&, http::Response& response) {
        response.later().send("now");
    });
    server.route("GET", "/drop", [](const http::Request&, http::Response& response) {
        const auto dropped = response.later();
    });
    server.route("GET", "/throw", [](const http::Request&, http::Response& response) {
        const auto dropped = response.later();
        throw std::runtime_error("no");
    });
    server.route("GET", "/keep", [&](const http::Request&, http::Response& response) {
        kept.push_back(response.later());
        throw std::runtime_error("no");
    });
    const auto outcome = [&](const std::string& path) {
        return testing::deliver(server.factory(), request_of("GET " + path) + request_of("GET /"));
    };
    CHECK(has(outcome("/now").output, "\r\n\r\nnowHTTP/1.1 200 OK"));
    for (const std::string path : {"/drop", "/throw"}) {
        const auto got = outcome(path);
        CHECK(status_of(got.output) == "500");
        CHECK(count(got.output, "HTTP/1.1") == 1);
        CHECK(got.reason == errc::handler_failed);
    }
    CHECK(outcome("/keep").output.empty());
    CHECK_FALSE(kept.at(0).alive());
}

TEST_CASE("http later: answering twice throws, and so does asking twice") {
    LaterServer server;
    auto& peer = server.ask(kLater);
    server.waiting[0].send("late");
    CHECK_FALSE(server.waiting[0].alive());
    CHECK_THROWS_AS(server.waiting[0].send("again"), std::logic_error);
    CHECK_THROWS_AS(server.waiting[0].status(99), std::invalid_argument);
    CHECK_THROWS_AS(server.waiting[0].field("Date", "x"), std::invalid_argument);
    server.driver.run();
    CHECK(peer.received() == kLate);
    http::Server twice(fixed_date());
    twice.route("GET", "/", [](const http::Request&, http::Response& response) {
        auto first = response.later();
        CHECK_THROWS_AS((void)response.later(), std::logic_error);
        CHECK_THROWS_AS(response.send(), std::logic_error);
        first.send("first");
    });
    CHECK(test::body_of(test::answer_of(twice, request_of("GET /"))) == "first");
}

TEST_CASE("http later: answer_within ends the wait with 503, and the connection goes on") {
    LaterServer server({.answer_within = 2s});
    auto& peer = server.ask(kLater + request_of("GET /"));
    server.driver.advance(1'999ms);
    CHECK(peer.received().empty());
    server.driver.advance(1ms);
    CHECK(status_of(peer.received()) == "503");
    CHECK_FALSE(has(peer.received(), "X-Name"));
    CHECK(has(peer.received(), "\r\n\r\nhello"));
    CHECK(server.gone == std::vector{std::make_error_code(std::errc::timed_out)});
    CHECK_FALSE(server.waiting[0].alive());
    server.waiting[0].send("late");
    server.driver.run();
    CHECK_FALSE(has(peer.received(), "late"));
    LaterServer patient;
    auto& waits = patient.ask(kLater);
    patient.driver.advance(1h);
    patient.answer_all();
    CHECK(waits.received() == kLate);
    patient.driver.advance(75s);
    CHECK(waits.closed());
}

TEST_CASE("http later: HEAD, HTTP/1.0 and a drain") {
    LaterServer server;
    auto& head = server.ask(request_of("HEAD /later/a"));
    auto& old = server.ask("GET /later/a HTTP/1.0\r\n\r\n");
    auto& open = server.ask(kLater);
    server.driver.drain();
    server.driver.advance(1h);
    CHECK(server.driver.open() == 3);
    server.answer_all();
    CHECK(has(head.received(), "Content-Length: 4\r\n\r\n"));
    CHECK_FALSE(has(head.received(), "late"));
    CHECK(has(old.received(), "Connection: close\r\nContent-Length: 4\r\n\r\nlate"));
    CHECK(has(open.received(), "Connection: close\r\nContent-Length: 4\r\n\r\nlate"));
    CHECK(server.driver.open() == 0);
}

TEST_CASE("http later: many requests behind it stop the reading, and are served in the end") {
    LaterServer server;
    std::string many;
    for (int i = 0; i < 900; ++i) many += request_of("GET /");
    auto& peer = server.connect({.max_read_buffer = 20'000});
    peer.send(kLater);
    for (std::size_t at = 0; at < many.size(); at += 1'000) {
        peer.send(many.substr(at, 1'000));
        server.driver.run();
    }
    CHECK(peer.unread() == many.size());
    CHECK_FALSE(peer.closed());
    server.answer_all();
    CHECK(count(peer.received(), "hello") == 900);
    CHECK(peer.unread() == 0);
}

TEST_CASE("http later: the protocol above a slow peer ends once all is sent") {
    LaterServer server;
    auto& peer = server.ask(kLater);
    peer.set_window(10);
    peer.shutdown_write();
    server.driver.run();
    REQUIRE(server.waiting.size() == 1);
    const auto body = std::make_shared<const std::string>(test::numbers(200'000));
    server.waiting[0].send(SharedBytes(body));
    server.driver.run();
    CHECK_FALSE(peer.closed());
    std::string got;
    while (!peer.closed()) {
        got += peer.take_received();
        server.driver.run();
    }
    got += peer.take_received();
    CHECK(got.ends_with(*body));
    CHECK_FALSE(peer.close_reason());
}

// The server: bodies, persistence, times, and what a handler can do.
#include <doctest/doctest.h>

#include <stdexcept>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"
#include "http_servers.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::answer_of;
using test::body_of;
using test::fixed_date;
using test::has;
using test::hello;
using test::request_of;
using test::status_of;

namespace {

constexpr std::string_view kHello =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 5\r\n\r\nhello";

http::Server server_of(http::Handler handler, http::ServerOptions options = fixed_date()) {
    http::Server server(std::move(options));
    server.route("GET", "/", std::move(handler));
    return server;
}

std::string answer_by(http::Handler handler) {
    return answer_of(server_of(std::move(handler)), request_of("GET /"));
}

// What the peer gets that sends `parts`, with `pause` of virtual time behind each.
struct Slow {
    std::string answer;
    bool closed = false;
};
Slow slowly(const http::Server& server, std::initializer_list<std::string> parts,
            std::chrono::milliseconds pause) {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server.factory());
    for (const std::string& part : parts) {
        peer.send(part);
        driver.run();
        driver.advance(pause);
    }
    return {peer.received(), peer.closed()};
}

}  // namespace

TEST_CASE("http: the whole answer, byte for byte") {
    CHECK(answer_of(hello(), request_of("GET /")) == kHello);
    test::conforms(hello().factory(), request_of("GET /"));
}

TEST_CASE("http: requests in one read are answered in order, in one write") {
    std::string input;
    for (int i = 0; i < 16; ++i)
        input += request_of("POST /", "Content-Length: 1\r\n",
                            std::string(1, static_cast<char>('a' + i)));
    testing::MemoryDriver driver;
    auto& peer = driver.connect(hello().factory());
    peer.send(input);
    driver.run();
    CHECK(test::count(peer.received(), "HTTP/1.1 200 OK") == 16);
    CHECK(peer.received().find("\r\n\r\na") < peer.received().find("\r\n\r\np"));
    CHECK(peer.write_calls() == 1);
    test::conforms(hello().factory(), input);
}

TEST_CASE("http: bodies come whole, with a length and in chunks") {
    const std::string body = test::numbers(100'000);
    const std::string sized =
        request_of("POST /", "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
    CHECK(body_of(answer_of(hello(), sized)) == body);
    const std::string chunks =
        "5;a=b;c=\"d;\\\"e\"\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nX: y\r\n\r\n";
    const std::string chunked = request_of("POST /", "Transfer-Encoding: Chunked\r\n", chunks);
    CHECK(body_of(answer_of(hello(), chunked)) == "hello, world!!!");
    test::conforms(hello().factory(), chunked + request_of("GET /") + chunked);
    test::conforms(hello().factory(),
                   request_of("POST /", "Content-Length: 3\r\n", "abc") + request_of("GET /"));
}

TEST_CASE("http: a body over its limit is refused") {
    http::Server server(fixed_date());
    const auto handler = [](const http::Request& request, http::Response& response) {
        response.send(as_text(request.body()));
    };
    server.route("POST", "/", handler, {.max_body = 4});
    CHECK(status_of(answer_of(server, request_of("POST /", "Content-Length: 4\r\n", "abcd"))) ==
          "200");
    CHECK(status_of(answer_of(server, request_of("POST /", "Content-Length: 5\r\n"))) == "413");
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    CHECK(status_of(answer_of(server, request_of("POST /", chunked, "4\r\nabcd\r\n0\r\n\r\n"))) ==
          "200");
    CHECK(status_of(answer_of(server, request_of("POST /", chunked, "4\r\nabcd\r\n1\r\ne"))) ==
          "413");
}

TEST_CASE("http: limits of chunk lines and trailers") {
    const auto status = [](const std::string& body) {
        return status_of(
            answer_of(hello(), request_of("POST /", "Transfer-Encoding: chunked\r\n", body)));
    };
    CHECK(status("1;" + std::string(250, 'a') + "\r\nx\r\n0\r\n\r\n") == "200");
    CHECK(status("1;" + std::string(256, 'a') + "\r\nx\r\n0\r\n\r\n") == "400");
    std::string many;
    for (int i = 0; i < 80; ++i) many += "1;" + std::string(250, 'a') + "\r\nx\r\n";
    CHECK(status(many) == "400");
    std::string trailers;
    for (int i = 0; i < 16; ++i) trailers += "X: y\r\n";
    CHECK(status("0\r\n" + trailers + "\r\n") == "200");
    CHECK(status("0\r\n" + trailers + "X: y\r\n\r\n") == "400");
    CHECK(status("0\r\nX: " + std::string(4'096, 'y') + "\r\n\r\n") == "400");
}

TEST_CASE("http: Expect: 100-continue is answered only if the body has not begun") {
    const std::string head = request_of("POST /", "Expect: 100-continue\r\nContent-Length: 2\r\n");
    const Slow waited = slowly(hello(), {head, "ab"}, 1s);
    CHECK(waited.answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    CHECK(status_of(answer_of(hello(), head + "ab")) == "200");
    const Slow refused =
        slowly(hello(), {request_of("PUT /", "Expect: 100-continue\r\nContent-Length: 2\r\n")}, 1s);
    CHECK(status_of(refused.answer) == "405");
    CHECK(refused.closed);
}

TEST_CASE("http: a short body of a refused request is skipped, a long one is not read") {
    const std::string next = request_of("GET /");
    CHECK(has(answer_of(hello(), request_of("PUT /", "Content-Length: 3\r\n", "abc") + next),
              "hello"));
    const std::string far =
        slowly(hello(), {request_of("PUT /", "Content-Length: 70000\r\n"), next}, 1s).answer;
    CHECK(has(far, "Connection: close\r\n"));
    CHECK_FALSE(has(far, "hello"));
}

TEST_CASE("http: HEAD, 204 and 304 have no body") {
    CHECK(answer_of(hello(), request_of("HEAD /")) == kHello.substr(0, kHello.size() - 5));
    for (const unsigned status : {204U, 304U}) {
        const std::string answer =
            answer_by([status](const http::Request&, http::Response& response) {
                response.status(status).send("body");
            });
        CHECK(body_of(answer).empty());
        CHECK_FALSE(has(answer, "Content-Length"));
    }
}

TEST_CASE("http: HTTP/1.0 and Connection decide whether the connection stays") {
    const auto outcome = [](const std::string& input) { return slowly(hello(), {input}, 1s); };
    CHECK_FALSE(outcome(request_of("GET /")).closed);
    CHECK(outcome(request_of("GET /", "Connection: Close\r\n")).closed);
    CHECK(has(outcome(request_of("GET /", "Connection: x , close\r\n")).answer,
              "\r\nConnection: close\r\n"));
    CHECK(outcome("GET / HTTP/1.0\r\n\r\n").closed);
    const Slow kept = outcome("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_FALSE(kept.closed);
    CHECK(has(kept.answer, "\r\nConnection: keep-alive\r\n"));
    http::ServerOptions two = fixed_date();
    two.limits.max_requests = 2;
    const std::string three = request_of("GET /") + request_of("GET /") + request_of("GET /");
    CHECK(test::count(answer_of(hello(two), three), "hello") == 2);
}

TEST_CASE("http: slow peers are told so, and idle ones are disconnected") {
    CHECK(slowly(hello(), {"GET / HT"}, 9'900ms).answer.empty());
    CHECK(status_of(slowly(hello(), {"GET / HT"}, 10s).answer) == "408");
    CHECK(status_of(slowly(hello(), {"G", "E", "T", " ", "/"}, 2'100ms).answer) == "408");
    const Slow silent = slowly(hello(), {""}, 10s);
    CHECK(silent.closed);
    CHECK(silent.answer.empty());
    CHECK_FALSE(slowly(hello(), {request_of("GET /")}, 74s).closed);
    CHECK(slowly(hello(), {request_of("GET /")}, 75s).closed);
    CHECK(slowly(hello(), {request_of("GET /")}, 75s).answer == kHello);
    const std::string head = request_of("POST /", "Content-Length: 3000\r\n");
    CHECK(status_of(slowly(hello(), {head}, 5s).answer) == "408");
    const std::string piece(500, 'x');
    CHECK(
        status_of(slowly(hello(), {head + piece, piece, piece, piece, piece, piece}, 2s).answer) ==
        "200");
    CHECK(status_of(slowly(hello(), {head + "x", "x", "x", "x", "x", "x"}, 1s).answer) == "408");
    http::ServerOptions patient = fixed_date();
    patient.limits.min_body_rate = 0;
    CHECK(slowly(hello(patient), {head, "x"}, 59s).answer.empty());
    CHECK(status_of(slowly(hello(patient), {head, "x"}, 60s).answer) == "408");
}

TEST_CASE("http: each request puts off the end of an idle connection") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(hello().factory());
    for (int i = 0; i < 4; ++i) {
        peer.send(request_of("GET /"));
        driver.run();
        driver.advance(50s);
    }
    driver.advance(24'999ms);
    CHECK_FALSE(peer.closed());
    driver.advance(1ms);
    CHECK(peer.closed());
    auto& slow = driver.connect(hello().factory());
    slow.send(request_of("GET /"));
    driver.run();
    driver.advance(70s);
    slow.send("GET / HT");
    driver.run();
    driver.advance(9'999ms);
    CHECK_FALSE(slow.closed());
    driver.advance(1ms);
    CHECK(has(slow.received(), " 408 "));
}

TEST_CASE("http: an empty line behind a request does not begin the next one") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(hello().factory());
    peer.send(request_of("GET /") + "\r\n");
    driver.run();
    driver.advance(74s);
    CHECK_FALSE(peer.closed());
    peer.take_received();
    peer.send(request_of("GET /"));
    driver.run();
    CHECK(status_of(peer.take_received()) == "200");
    peer.send("\r\n");
    driver.run();
    peer.send("\r\n");
    driver.run();
    CHECK(status_of(peer.take_received()) == "400");
    auto& idle = driver.connect(hello().factory());
    idle.send(request_of("GET /") + "\r\n");
    driver.run();
    idle.take_received();
    driver.advance(75s);
    CHECK(idle.closed());
    CHECK(idle.received().empty());
}

TEST_CASE("http: the field Host may be written in several ways") {
    const auto host = [](std::string_view field) {
        const auto server = server_of([](const http::Request& request, http::Response& response) {
            response.send(std::string(request.host()) + "|" + std::string(request.field("host")));
        });
        return test::body_of(
            answer_of(server, "GET / HTTP/1.1\r\n" + std::string(field) + "\r\n\r\n"));
    };
    for (const char* const name : {"Host: ", "host:", "HOST: \t", "hOsT: "}) {
        for (const std::string value :
             {"a", "example.org", "a:80", "a:65535", "a:", "[::1]:8080", "a_b~%20"}) {
            CHECK(host(name + value) == value + "|" + value);
            CHECK(host(name + value + " \t") == value + "|" + value);
            CHECK(host("X: y\r\n" + (name + value)) == value + "|" + value);
        }
    }
}

TEST_CASE("http: an end within a request is an incomplete message") {
    CHECK(testing::deliver(hello().factory(), "GET / HT").reason == errc::incomplete_message);
    const std::string body = request_of("POST /", "Content-Length: 2\r\n", "x");
    CHECK(testing::deliver(hello().factory(), body).reason == errc::incomplete_message);
    CHECK_FALSE(testing::deliver(hello().factory(), request_of("GET /")).reason);
}

TEST_CASE("http: a drain closes idle connections, and others behind their answer") {
    testing::MemoryDriver driver;
    auto& idle = driver.connect(hello().factory());
    auto& busy = driver.connect(hello().factory());
    busy.send(request_of("POST /", "Content-Length: 2\r\n", "a"));
    driver.run();
    driver.drain();
    driver.run();
    CHECK(idle.closed());
    CHECK_FALSE(busy.closed());
    busy.send("b");
    driver.run();
    CHECK(has(busy.received(), "Connection: close\r\nContent-Length: 2\r\n\r\nab"));
    CHECK(busy.closed());
}

TEST_CASE("http: what a handler does wrong is a 500") {
    using Response = http::Response;
    const auto status = [](void (*act)(Response&)) {
        return status_of(
            answer_by([act](const http::Request&, Response& response) { act(response); }));
    };
    CHECK(status([](Response&) {}) == "500");
    const auto throws = [](const http::Request&, Response&) { throw std::runtime_error("no"); };
    const auto outcome = testing::deliver(server_of(throws).factory(), request_of("GET /"));
    CHECK(outcome.reason == errc::handler_failed);
    CHECK(status([](Response&) { throw std::runtime_error("no"); }) == "500");
    CHECK(status([](Response& r) { r.field("X", "a\r\nY: b").send(); }) == "500");
    CHECK(status([](Response& r) { r.field("X", std::string(1, '\0')).send(); }) == "500");
    CHECK(status([](Response& r) { r.field("X Y", "a").send(); }) == "500");
    CHECK(status([](Response& r) { r.field("content-length", "1").send(); }) == "500");
    CHECK(status([](Response& r) { r.field("Transfer-Encoding", "chunked").send(); }) == "500");
    CHECK(status([](Response& r) { r.status(101).send(); }) == "500");
    CHECK(status([](Response& r) { r.status(600).send(); }) == "500");
    CHECK(status([](Response& r) { r.upgrade("x", nullptr); }) == "500");
}

TEST_CASE("http: a value of any length may have tabs, but no other control character") {
    const auto status = [](const std::string& value) {
        return status_of(
            answer_by([&](const http::Request&, http::Response& r) { r.type(value).send(); }));
    };
    for (std::size_t size = 1; size < 20; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            for (const char c : {'\0', '\n', '\r', '\x1f', '\x7f', '\t', ' ', '\x80', '\xff'}) {
                std::string value(size, 'a');
                value[at] = c;
                const bool allowed = c == '\t' || c == ' ' || static_cast<unsigned char>(c) > 0x7f;
                CHECK(status(value) == (allowed ? "200" : "500"));
            }
        }
    }
}

TEST_CASE("http: a second answer ends the connection, as nobody would expect it") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server_of([](const http::Request&, http::Response& response) {
                                    response.send("one");
                                    response.send("two");
                                }).factory());
    peer.send(request_of("GET /"));
    driver.run();
    CHECK(peer.close_reason() == errc::handler_failed);
    CHECK(peer.failure() == "on_data threw: HTTP request answered twice");
}

TEST_CASE("http: a request and its fields, as the handler sees them") {
    http::Server server(fixed_date());
    server.route("GET", "/a/{name}", [](const http::Request& request, http::Response& response) {
        std::string text = std::string(request.method()) + ' ' + std::string(request.target()) +
                           ' ' + std::string(request.path()) + ' ' + std::string(request.query()) +
                           ' ' + std::string(request.host()) + ' ' + request.parameter("name") +
                           ' ' + std::string(request.field("x-y")) + ' ' +
                           std::to_string(request.fields().size());
        response.field("X-Long", std::string(10'000, 'f')).send(text);
    });
    const std::string answer =
        answer_of(server, request_of("GET /a/b%20c?d=e", "X-Y: z \r\nX-Y: w\r\n"));
    CHECK(body_of(answer) == "GET /a/b%20c?d=e /a/b%20c d=e a b c z 3");
    CHECK(has(answer, "X-Long: " + std::string(10'000, 'f') + "\r\n"));
    const std::string absolute = answer_of(server, request_of("GET http://a/a/x?q"));
    CHECK(body_of(absolute) == "GET http://a/a/x?q /a/x q a x  1");
}

TEST_CASE("http: a shared body is sent uncopied, and a Server field if it is wanted") {
    const auto body = std::make_shared<const std::string>(test::numbers(50'000));
    http::ServerOptions options = fixed_date();
    options.server_field = "switchboard";
    const auto server =
        server_of([body](const http::Request&,
                         http::Response& response) { response.send(SharedBytes(body)); },
                  options);
    const std::string answer = answer_of(server, request_of("GET /"));
    CHECK(body_of(answer) == *body);
    CHECK(has(answer, "\r\nServer: switchboard\r\n"));
    CHECK(body_of(answer_of(server, request_of("HEAD /"))).empty());
    options.server_field = "a\r\nb";
    CHECK_THROWS_AS(http::Server{options}, std::invalid_argument);
    options.server_field = "";
    options.limits.max_fields = 101;
    CHECK_THROWS_AS(http::Server{options}, std::invalid_argument);
}

TEST_CASE("http: a server without a clock sends no Date") {
    http::ServerOptions options;
    options.clock = nullptr;
    CHECK(answer_of(hello(options), request_of("GET /")) ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
}

TEST_CASE("http: after an upgrade the bytes behind the request are the next protocol's") {
    class Upper final : public Protocol {
        std::size_t on_data(Connection& connection, MutableBytes in) override {
            connection.write("<" + std::string(as_text(in)) + ">");
            return in.size();
        }
    };
    const auto server = server_of([](const http::Request&, http::Response& response) {
        response.field("X", "y").upgrade("upper", std::make_unique<Upper>());
    });
    const std::string head =
        request_of("GET /", "Connection: keep-alive, Upgrade\r\nUpgrade: other, Upper\r\n");
    CHECK(answer_of(server, head + "ab") ==
          "HTTP/1.1 101 Switching Protocols\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX: y\r\n"
          "Connection: Upgrade\r\nUpgrade: upper\r\n\r\n<ab>");
    CHECK(status_of(answer_of(
              server, request_of("GET /", "Connection: upgrade\r\nUpgrade: x\r\n"))) == "500");
}

TEST_CASE("http: the protocol survives any input") {
    CHECK(testing::check_robustness(hello().factory(), 500) == test::kNone);
}

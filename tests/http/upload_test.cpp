// Bodies that are read in pieces, or not at all.
#include <doctest/doctest.h>

#include <stdexcept>
#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"
#include "http_servers.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::answer_of;
using test::body_of;
using test::count;
using test::has;
using test::request_of;
using test::status_of;

namespace {

const std::string kChunkedField = "Transfer-Encoding: chunked\r\n";

std::string sized_upload(const std::string& path, const std::string& body) {
    return request_of("POST " + path, "Content-Length: " + std::to_string(body.size()) + "\r\n",
                      body);
}

std::string trailers_of(std::span<const http::Field> trailers) {
    std::string text;
    for (const auto& each : trailers)
        text += "[" + std::string(each.name) + "=" + std::string(each.value) + "]";
    return text;
}

// POST /up answers with the body and its trailers once the body has come; POST /echo streams it back; POST
// /none and /ignored do not read it.
http::Server uploads(http::RouteOptions options = {.body = http::Body::stream}) {
    http::Server server = test::hello();
    server.route(
        "POST", "/up",
        [](const http::Request&, http::Response& response) {
            struct State {
                explicit State(http::Later answer) : later(std::move(answer)) {}
                http::Later later;
                std::string text;
                std::optional<http::Upload> upload;
            };
            const auto state = std::make_shared<State>(response.later());
            state->upload = response.read({.on_piece = [state](Bytes piece, bool last) {
                state->text += as_text(piece);
                CHECK(state->upload->alive() == !last);
                if (last) state->later.send(state->text + trailers_of(state->upload->trailers()));
            }});
        },
        options);
    server.route(
        "POST", "/echo",
        [](const http::Request&, http::Response& response) {
            const auto stream = std::make_shared<http::Stream>(response.stream());
            response.read({.on_piece = [stream](Bytes piece, bool last) {
                stream->write(piece);
                if (last) stream->end();
            }});
        },
        options);
    const auto ignore = [](const http::Request& request, http::Response& response) {
        CHECK(request.body().empty());
        response.send("ignored");
    };
    server.route("POST", "/none", ignore, {.body = http::Body::none});
    server.route("POST", "/ignored", ignore, options);
    return server;
}

// What the test knows of an upload to PUT /kept, whose answer it has.
struct KeptUpload {
    KeptUpload() {
        const auto handler = [this](const http::Request&, http::Response& response) {
            later.emplace(response.later());
            later->on_gone([this](std::error_code why) { answer_gone = why; });
            upload = response.read({.on_piece =
                                        [this](Bytes piece, bool last) {
                                            text += as_text(piece);
                                            whole = last;
                                        },
                                    .on_gone =
                                        [this](std::error_code why) {
                                            gone = why;
                                            if (at_gone) at_gone();
                                        }});
        };
        server.route("PUT", "/kept", handler,
                     {.body = http::Body::stream, .max_body = 100'000, .answer_within = 3s});
    }
    testing::MemoryPeer& ask(const std::string& input) {
        auto& peer = driver.connect(server.factory());
        peer.send(input);
        driver.run();
        return peer;
    }
    http::Server server = test::hello();
    std::optional<http::Later> later;
    std::optional<http::Upload> upload;
    std::string text;
    bool whole = false;
    std::error_code gone, answer_gone;
    std::function<void()> at_gone = {};
    testing::MemoryDriver driver;
};

}  // namespace

TEST_CASE("http upload: pieces come as they arrive, with a length and in chunks") {
    const std::string chunks = "5;a=b\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nX: y\r\nZ:\r\n\r\n";
    const std::string chunked = request_of("POST /up", kChunkedField, chunks);
    const std::string next = request_of("GET /");
    CHECK(has(answer_of(uploads(), chunked + next), "\r\n\r\nhello, world!!![X=y][Z=]HTTP/1.1"));
    CHECK(has(answer_of(uploads(), sized_upload("/up", "abc") + next), "\r\n\r\nabcHTTP/1.1 200"));
    CHECK(has(answer_of(uploads(), sized_upload("/up", "") + next), "\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(has(answer_of(uploads(), request_of("POST /up") + next), "\r\n\r\nHTTP/1.1 200 OK"));
    test::conforms(uploads().factory(), chunked + next + sized_upload("/up", "abc") + chunked);
    const std::string long_body = test::numbers(500'000);
    CHECK(body_of(answer_of(uploads(), sized_upload("/up", long_body))) == long_body);
}

TEST_CASE("http upload: trailers of a whole body") {
    http::Server server(test::fixed_date());
    server.route("POST", "/", [](const http::Request& request, http::Response& response) {
        response.send(trailers_of(request.trailers()) + std::to_string(request.fields().size()));
    });
    const std::string body = "1\r\na\r\n0\r\nX: y\r\nZ:  w \r\n\r\n";
    CHECK(body_of(answer_of(server, request_of("POST /", kChunkedField, body))) == "[X=y][Z=w]2");
    CHECK(body_of(answer_of(server, sized_upload("/", "abc"))) == "2");
    test::conforms(server.factory(), request_of("POST /", kChunkedField, body));
}

TEST_CASE("http upload: a body may be answered while it comes") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(uploads().factory());
    peer.send(request_of("POST /echo", "Content-Length: 6\r\n", "abc"));
    driver.run();
    CHECK(peer.take_received().ends_with("\r\n\r\n3\r\nabc\r\n"));
    peer.send("def" + request_of("GET /"));
    driver.run();
    CHECK(peer.received().starts_with("3\r\ndef\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(peer.received().ends_with("hello"));
}

TEST_CASE("http upload: a slow reader of the echo holds back the upload") {
    testing::MemoryDriver driver;
    auto& peer =
        driver.connect(uploads({.body = http::Body::stream, .max_body = SIZE_MAX}).factory());
    peer.set_window(1'000);
    const std::string body = test::numbers(2'000'000);
    peer.send(sized_upload("/echo", body));
    driver.run();
    CHECK(peer.queued() < 400'000);
    CHECK(peer.unread() > 1'000'000);
    std::size_t got = 0;
    while (driver.turn() || !peer.received().empty()) got += peer.take_received().size();
    CHECK(got > body.size());
}

TEST_CASE("http upload: the body is not too slow while the peer reads the answer slowly") {
    testing::MemoryDriver driver;
    auto& peer =
        driver.connect(uploads({.body = http::Body::stream, .max_body = SIZE_MAX}).factory());
    peer.set_window(1'000);
    peer.send(sized_upload("/echo", test::numbers(300'000)));
    std::size_t got = 0;
    for (int second = 0; second < 400; ++second) {
        driver.run();
        got += peer.take_received().size();
        driver.advance(1s);
    }
    CHECK(got > 300'000);
    CHECK_FALSE(peer.close_reason());
}

TEST_CASE("http upload: when the peer resets, the answer is over before the body is told") {
    KeptUpload kept;
    bool alive = true;
    kept.at_gone = [&] { alive = kept.later->alive(); };
    auto& peer = kept.ask(request_of("PUT /kept", "Content-Length: 5\r\n", "abc"));
    peer.reset();
    kept.driver.run();
    CHECK(kept.gone);
    CHECK_FALSE(alive);
}

TEST_CASE("http upload: a body that nobody reads is skipped if it is short") {
    const std::string next = request_of("GET /");
    for (const std::string path : {"/none", "/ignored"}) {
        CAPTURE(path);
        const std::string short_body = sized_upload(path, std::string(60'000, 'x'));
        CHECK(has(answer_of(uploads(), short_body + next), "\r\n\r\nignoredHTTP/1.1 200 OK"));
        test::conforms(uploads().factory(), sized_upload(path, "abc") + next);
        testing::MemoryDriver driver;
        for (const std::string& fields :
             {std::string("Content-Length: 70000\r\n"), kChunkedField,
              std::string("Content-Length: 5\r\nExpect: 100-continue\r\n")}) {
            CAPTURE(fields);
            auto& peer = driver.connect(uploads().factory());
            peer.send(request_of("POST " + path, fields));
            driver.run();
            CHECK(status_of(peer.received()) == "200");
            CHECK(has(peer.received(), "Connection: close\r\n"));
            CHECK(peer.closed());
        }
        auto& slow = driver.connect(uploads().factory());
        slow.send(request_of("POST " + path, "Content-Length: 5000\r\n"));
        driver.advance(5s);
        CHECK(count(slow.received(), "HTTP/1.1") == 1);
        CHECK(slow.close_reason() == std::errc::timed_out);
    }
}

TEST_CASE("http upload: 100 is sent when the handler reads, and not otherwise") {
    KeptUpload kept;
    auto& peer = kept.ask(request_of("PUT /kept", "Expect: 100-continue\r\nContent-Length: 3\r\n"));
    CHECK(peer.take_received() == "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("abc" + request_of("GET /"));
    kept.driver.run();
    CHECK(kept.text == "abc");
    CHECK(kept.whole);
    kept.later->send("late");
    kept.driver.run();
    CHECK(has(peer.received(), "\r\nContent-Length: 4\r\n\r\nlateHTTP/1.1 200 OK"));
    CHECK_FALSE(has(peer.received(), "Connection: close"));
}

TEST_CASE("http upload: a pause stops the reading, and its time does not count") {
    KeptUpload kept;
    auto& peer = kept.ask(request_of("PUT /kept", "Content-Length: 90000\r\n", "abc"));
    CHECK(kept.text == "abc");
    kept.upload->pause();
    kept.upload->pause();
    peer.send(std::string(80'000, 'x'));
    kept.driver.advance(1h);
    CHECK(kept.text == "abc");
    CHECK(peer.unread() == 80'000);
    kept.upload->resume();
    kept.driver.run();
    CHECK(kept.text.size() == 80'003);
    kept.driver.advance(59s);
    CHECK_FALSE(kept.gone);
    peer.send(std::string(9'997, 'x'));
    kept.driver.run();
    CHECK(kept.whole);
    kept.upload->pause();
    kept.driver.advance(2'999ms);
    CHECK(peer.received().empty());
    kept.driver.advance(1ms);
    CHECK(status_of(peer.received()) == "503");
    CHECK(kept.answer_gone == std::errc::timed_out);
    peer.send(request_of("GET /"));
    kept.driver.run();
    CHECK(peer.received().ends_with("hello"));
}

TEST_CASE("http upload: a pause within the handler holds back also the end of an empty body") {
    std::optional<http::Upload> upload;
    int calls = 0;
    const auto handler = [&](const http::Request&, http::Response& response) {
        upload = response.read({.on_piece = [&](Bytes piece, bool last) {
            ++calls;
            CHECK(piece.empty());
            CHECK(last);
        }});
        upload->pause();
        response.send("early");
    };
    http::Server server = test::hello();
    server.route("POST", "/paused", handler, {.body = http::Body::stream});
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server.factory());
    peer.send(sized_upload("/paused", "") + request_of("GET /"));
    driver.advance(1h);
    CHECK(calls == 0);
    CHECK(body_of(peer.received()) == "early");
    upload->resume();
    driver.run();
    CHECK(calls == 1);
    CHECK(peer.received().ends_with("hello"));
}

TEST_CASE("http upload: a body that does not become whole is told, and answered with an error") {
    const auto outcome = [](const std::string& fields, const std::string& body, bool fin = false) {
        KeptUpload kept;
        auto& peer = kept.ask(request_of("PUT /kept", fields, body));
        if (fin) peer.shutdown_write();
        kept.driver.advance(1h);
        CHECK(kept.gone == kept.answer_gone);
        CHECK_FALSE(kept.later->alive());
        CHECK_FALSE(kept.upload->alive());
        CHECK(peer.close_reason() == kept.gone);
        kept.later->send("late");
        const std::string status = peer.received().empty() ? "none" : status_of(peer.received());
        return status + " " + kept.gone.message() + " " + kept.text.substr(0, 10);
    };
    CHECK(outcome(kChunkedField, "3\r\nabc\r\nx\r\n") ==
          "400 " + make_error_code(errc::malformed_message).message() + " abc");
    CHECK(outcome(kChunkedField, "186A0\r\n" + std::string(100'000, 'x') + "\r\n1\r\ny") ==
          "413 " + make_error_code(errc::malformed_message).message() + " xxxxxxxxxx");
    CHECK(outcome("Content-Length: 5\r\n", "abc") ==
          "408 " + std::make_error_code(std::errc::timed_out).message() + " abc");
    CHECK(outcome("Content-Length: 5\r\n", "abc", true) ==
          "none " + make_error_code(errc::incomplete_message).message() + " abc");
    CHECK(status_of(answer_of(uploads(), request_of("POST /up", "Content-Length: 9999999\r\n"))) ==
          "413");
}

TEST_CASE("http upload: behind the head of an answer, an error ends the connection") {
    for (const std::string version : {" HTTP/1.1\r\nHost: a\r\n", " HTTP/1.0\r\n"}) {
        testing::MemoryDriver driver;
        auto& peer = driver.connect(uploads().factory());
        peer.send("POST /echo" + version + "Content-Length: 5\r\n\r\nabc");
        driver.run();
        CHECK(has(peer.received(), "abc"));
        driver.advance(1h);
        CHECK(count(peer.received(), "HTTP/1.1") == 1);
        CHECK_FALSE(has(peer.received(), "0\r\n\r\n"));
        CHECK(peer.close_reason() == std::errc::timed_out);
        CHECK(peer.saw_reset() == has(version, "1.0"));
    }
}

TEST_CASE("http upload: reading needs a route for it, once, before the answer") {
    const auto status = [](http::Body body, void (*act)(http::Response&)) {
        http::Server server(test::fixed_date());
        server.route("POST", "/",
                     [act](const http::Request&, http::Response& response) { act(response); },
                     {.body = body});
        return status_of(answer_of(server, sized_upload("/", "abc")));
    };
    const auto read = [](http::Response& response) { response.read({}); };
    CHECK(status(http::Body::whole, read) == "500");
    CHECK(status(http::Body::none, read) == "500");
    CHECK(status(http::Body::stream, read) == "500");
    CHECK(status(http::Body::stream, [](http::Response& response) {
              response.read({});
              CHECK_THROWS_AS(response.read({}), std::logic_error);
              response.send();
              CHECK_THROWS_AS(response.read({}), std::logic_error);
          }) == "200");
}

TEST_CASE("http upload: if the handler fails, the body does not become whole") {
    http::Server server(test::fixed_date());
    std::error_code gone;
    const auto fails = [&](const http::Request&, http::Response& response) {
        response.read({.on_piece = [](Bytes, bool) { FAIL_CHECK("no piece comes"); },
                       .on_gone = [&](std::error_code why) { gone = why; }});
        throw std::runtime_error("no");
    };
    server.route("POST", "/", fails, {.body = http::Body::stream});
    for (const std::string& body : {std::string(), std::string("abc")}) {
        gone = {};
        CHECK(status_of(answer_of(server, sized_upload("/", body))) == "500");
        CHECK(gone == errc::handler_failed);
    }
}

TEST_CASE("http upload: an early answer that closes waits for the body") {
    http::Server server = test::hello();
    std::string text;
    const auto handler = [&](const http::Request&, http::Response& response) {
        response.read({.on_piece = [&](Bytes piece, bool) { text += as_text(piece); }});
        response.send("early");
    };
    server.route("POST", "/early", handler, {.body = http::Body::stream});
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server.factory());
    peer.send(request_of("POST /early", "Connection: close\r\nContent-Length: 4\r\n", "ab"));
    driver.run();
    CHECK(body_of(peer.received()) == "early");
    CHECK_FALSE(peer.closed());
    peer.send("cd");
    driver.run();
    CHECK(text == "abcd");
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
    CHECK(testing::check_robustness(uploads().factory(), 300) == test::kNone);
}

TEST_CASE("http upload: a drain waits for the body and for the answer") {
    KeptUpload kept;
    auto& peer = kept.ask(request_of("PUT /kept", "Content-Length: 4\r\n", "ab"));
    kept.driver.drain();
    kept.driver.advance(1s);
    peer.send("cd");
    kept.driver.advance(1s);
    CHECK(kept.text == "abcd");
    kept.later->send();
    kept.driver.run();
    CHECK(has(peer.received(), "Connection: close\r\n"));
    CHECK(peer.closed());
}

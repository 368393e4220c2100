// Answers in pieces.
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
using test::fixed_date;
using test::has;
using test::request_of;

namespace {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

using StreamUse = std::function<void(http::Stream&)>;

// GET /s streams with `use` within the handler; GET / says hello.
http::Server streams(StreamUse use, std::optional<std::uint64_t> length = {}) {
    http::Server server = test::hello();
    server.route("GET", "/s", [use, length](const http::Request&, http::Response& response) {
        http::Stream stream = response.stream(length);
        use(stream);
    });
    return server;
}

std::string streamed(StreamUse use, std::optional<std::uint64_t> length = {},
                     std::string_view method = "GET") {
    return answer_of(streams(std::move(use), length),
                     request_of(std::string(method) + " /s") + request_of("GET /"));
}

void hello_world(http::Stream& stream) {
    CHECK(stream.write("hello, "));
    CHECK(stream.write(""));
    CHECK(stream.write("wonderful world!"));
    stream.end();
    CHECK_FALSE(stream.alive());
    CHECK_FALSE(stream.write("more"));
    stream.end();
}

// Keeps the stream of GET /s for the test.
struct Kept {
    Kept() {
        server.route("GET", "/s", [this](const http::Request&, http::Response& response) {
            stream = std::make_unique<http::Stream>(response.stream());
            stream->on_gone([this](std::error_code why) {
                gone = why;
                stream.reset();
            });
        });
    }
    testing::MemoryPeer& ask(const std::string& input = request_of("GET /s")) {
        auto& peer = driver.connect(server.factory());
        peer.send(input);
        driver.run();
        return peer;
    }
    http::Server server = test::hello();
    std::unique_ptr<http::Stream> stream;
    std::error_code gone;
    testing::MemoryDriver driver;
};

// Writes numbers, piece by piece, until `size` bytes are written, and owns itself.
void write_numbers(http::Stream begun, std::size_t size) {
    struct Writer {
        Writer(http::Stream of, std::string text) : stream(std::move(of)), all(std::move(text)) {}
        http::Stream stream;
        std::string all;
        std::size_t written = 0;
    };
    const auto writer = std::make_shared<Writer>(std::move(begun), test::numbers(size));
    const auto more = [writer] {
        bool room = true;
        while (room && writer->written < writer->all.size()) {
            room =
                writer->stream.write(std::string_view(writer->all).substr(writer->written, 1'000));
            writer->written += 1'000;
        }
        if (room) writer->stream.end();
    };
    writer->stream.on_room(more);
    more();
}

}  // namespace

TEST_CASE("http stream: chunks, a length, and neither of them in HTTP/1.0") {
    const std::string next = answer_of(test::hello(), request_of("GET /"));
    CHECK(streamed(hello_world) == std::string(kStreamHead) +
                                       "Transfer-Encoding: chunked\r\n\r\n"
                                       "7\r\nhello, \r\n10\r\nwonderful world!\r\n0\r\n\r\n" +
                                       next);
    CHECK(streamed(hello_world, 23) == std::string(kStreamHead) +
                                           "Content-Length: 23\r\n\r\n"
                                           "hello, wonderful world!" +
                                           next);
    const std::string old = "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    const auto outcome = testing::deliver(streams(hello_world).factory(), old + old);
    CHECK(outcome.output ==
          std::string(kStreamHead) + "Connection: close\r\n\r\nhello, wonderful world!");
    CHECK_FALSE(outcome.reason);
    test::conforms(streams(hello_world).factory(), request_of("GET /s") + request_of("GET /"));
}

TEST_CASE("http stream: HEAD, 204 and 304 have no body") {
    CHECK(body_of(streamed(hello_world, {}, "HEAD")).starts_with("HTTP/1.1 200 OK"));
    CHECK(has(streamed(hello_world, {}, "HEAD"), "\r\nTransfer-Encoding: chunked\r\n"));
    CHECK(has(streamed(hello_world, 23, "HEAD"), "\r\nContent-Length: 23\r\n\r\nHTTP"));
    CHECK(has(streamed([](http::Stream& stream) { stream.end(); }, 23, "HEAD"), "\r\n\r\nhello"));
    for (const unsigned status : {204U, 304U}) {
        http::Server server(fixed_date());
        server.route("GET", "/", [status](const http::Request&, http::Response& response) {
            auto stream = response.status(status).stream();
            hello_world(stream);
        });
        const std::string answer = answer_of(server, request_of("GET /"));
        CHECK(body_of(answer).empty());
        CHECK_FALSE(has(answer, "Transfer-Encoding"));
    }
}

TEST_CASE("http stream: trailers come behind chunks, if they are allowed") {
    const std::vector<http::Field> trailers = {{"X-Sum", "7"}, {"X-End", "yes"}};
    const auto with_trailers = [&](http::Stream& stream) { stream.end(trailers); };
    CHECK(has(streamed(with_trailers), "\r\n\r\n0\r\nX-Sum: 7\r\nX-End: yes\r\n\r\nHTTP/1.1 200"));
    CHECK_FALSE(has(streamed(with_trailers, 0), "X-Sum"));
    for (const http::Field bad : {http::Field{"Content-Length", "1"}, http::Field{"X", "a\r\nb"},
                                  http::Field{"Host", "a"}, http::Field{"X Y", "a"}}) {
        const auto got = streamed([&](http::Stream& stream) {
            CHECK_THROWS_AS(stream.end({&bad, 1}), std::invalid_argument);
            stream.end();
        });
        CHECK(has(got, "\r\n\r\n0\r\n\r\nHTTP/1.1 200"));
    }
}

TEST_CASE("http stream: a body that is not whole does not look whole") {
    const auto outcome = [](const StreamUse& use, std::optional<std::uint64_t> length = {}) {
        return testing::deliver(streams(use, length).factory(),
                                request_of("GET /") + request_of("GET /s") + request_of("GET /"));
    };
    const auto drop = [](http::Stream& stream) { stream.write("half"); };
    const auto abort = [](http::Stream& stream) {
        stream.write("half");
        stream.abort();
        CHECK_FALSE(stream.alive());
    };
    const auto too_short = [](http::Stream& stream) {
        stream.write("half");
        stream.end();
    };
    for (const auto& got : {outcome(drop), outcome(abort)}) {
        CHECK(got.output.ends_with("\r\n\r\n4\r\nhalf\r\n"));
        CHECK(has(got.output, "hello"));
        CHECK(got.reason == errc::handler_failed);
    }
    const auto shorter = outcome(too_short, 5);
    CHECK(shorter.output.ends_with("\r\nContent-Length: 5\r\n\r\nhalf"));
    CHECK(shorter.reason == errc::handler_failed);
    const auto longer = outcome(
        [](http::Stream& stream) {
            CHECK(stream.write("half"));
            CHECK_THROWS_AS(stream.write("ab"), std::logic_error);
            CHECK(stream.write("a"));
            stream.end();
        },
        5);
    CHECK(has(longer.output, "\r\n\r\nhalfaHTTP/1.1 200 OK"));
}

TEST_CASE("http stream: in HTTP/1.0 only a reset shows that a body is not whole") {
    Kept kept;
    auto& peer = kept.ask("GET /s HTTP/1.0\r\n\r\n");
    kept.stream->write("half");
    kept.driver.run();
    CHECK(has(peer.received(), "half"));
    kept.stream.reset();
    kept.driver.run();
    CHECK(peer.saw_reset());
}

TEST_CASE("http stream: pieces may be written at any time, and the next request waits") {
    Kept kept;
    auto& peer = kept.ask(request_of("GET /s") + request_of("GET /"));
    for (int i = 0; i < 3; ++i) {
        kept.driver.advance(1h);
        CHECK(kept.stream->write("x"));
        kept.driver.run();
        CHECK(peer.received().ends_with("1\r\nx\r\n"));
    }
    kept.stream->end();
    kept.driver.run();
    CHECK(has(peer.received(), "1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(peer.received().ends_with("hello"));
    CHECK_FALSE(peer.closed());
    kept.driver.advance(75s);
    CHECK(peer.closed());
}

TEST_CASE("http stream: a drain lets it end, and closes the connection then") {
    Kept kept;
    auto& peer = kept.ask();
    kept.driver.drain();
    kept.driver.advance(1h);
    CHECK_FALSE(peer.closed());
    kept.stream->end();
    kept.driver.run();
    CHECK(peer.received().ends_with("\r\n\r\n0\r\n\r\n"));
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
}

TEST_CASE("http stream: the end of the connection is told, and destroys the object") {
    Kept kept;
    auto& peer = kept.ask();
    peer.reset();
    kept.driver.run();
    CHECK(kept.gone == std::errc::connection_reset);
    CHECK(kept.stream == nullptr);
}

TEST_CASE("http stream: a writer that waits for room sends everything to a slow peer") {
    static constexpr std::size_t size = 1'000'000;
    http::Server server = test::hello();
    server.route("GET", "/s", [](const http::Request&, http::Response& response) {
        write_numbers(response.stream(size), size);
    });
    server.route("GET", "/later", [](const http::Request&, http::Response& response) {
        write_numbers(response.later().stream(size), size);
    });
    server.route("GET", "/less", [](const http::Request&, http::Response& response) {
        write_numbers(response.stream(size / 20), size / 20);
    });
    for (const std::string path : {"/s", "/later"}) {
        testing::MemoryDriver driver;
        auto& peer = driver.connect(server.factory());
        peer.set_window(5'000);
        peer.send(request_of("GET " + path) + request_of("GET /"));
        std::string got;
        std::size_t most = 0;
        while (driver.turn() || !peer.received().empty()) {
            most = std::max(most, peer.queued());
            got += peer.take_received();
        }
        CHECK(has(got, "\r\n\r\n" + test::numbers(size) + "HTTP/1.1 200 OK"));
        CHECK(got.ends_with("hello"));
        CHECK(most < 80'000);
    }
    test::conforms(server.factory(), request_of("GET /less") + request_of("GET /"));
}

TEST_CASE("http stream: a writer that owns itself goes with the connection") {
    const auto alive = std::make_shared<int>();
    http::Server server = test::hello();
    server.route("GET", "/s", [&](const http::Request&, http::Response& response) {
        const auto stream = std::make_shared<http::Stream>(response.stream());
        stream->on_room([stream, alive] { stream->write("x"); });
        stream->on_gone([stream, alive](std::error_code) { CHECK_FALSE(stream->alive()); });
        while (stream->write(std::string(1'000, 'x'))) continue;
    });
    testing::MemoryDriver driver;
    auto& peer = driver.connect(server.factory());
    peer.set_window(1'000);
    peer.send(request_of("GET /s"));
    driver.run();
    CHECK(alive.use_count() > 1);
    peer.reset();
    driver.run();
    CHECK(alive.use_count() == 1);
}

TEST_CASE("http stream: on_room may be replaced and may throw") {
    Kept kept;
    auto& peer = kept.ask();
    peer.set_window(1);
    const auto fill = [&] {
        while (kept.stream->write(std::string(1'000, 'x'))) continue;
    };
    int calls = 0;
    kept.stream->on_room([&] {
        ++calls;
        kept.stream->on_room([&] { throw std::runtime_error("no"); });
    });
    fill();
    const auto read_all = [&] {
        do peer.take_received();
        while (kept.driver.turn());
    };
    peer.set_window(10'000);
    read_all();
    CHECK(calls == 1);
    fill();
    read_all();
    CHECK(peer.closed());
    CHECK(kept.gone == errc::handler_failed);
}

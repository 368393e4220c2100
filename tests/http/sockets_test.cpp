// Answers that come later and bodies in pieces, over sockets of the loopback address.
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <memory>
#include <switchboard/blocking.hpp>
#include <thread>

#include "http_servers.hpp"
#include "text.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMuch = 3'000'000;

// GET /much writes numbers as there is room; POST /up answers with the size of its body in pieces; GET /never
// is not answered in time.
http::Server socket_server() {
    http::Server server = hello();
    server.route("GET", "/much", [](const http::Request&, http::Response& response) {
        const auto stream = std::make_shared<http::Stream>(response.stream(kMuch));
        const auto left = std::make_shared<std::string>(numbers(kMuch));
        const auto more = [stream, left] {
            while (!left->empty()) {
                const std::string piece = left->substr(0, 30'000);
                left->erase(0, piece.size());
                if (!stream->write(piece)) return;
            }
            stream->end();
        };
        stream->on_room(more);
        more();
    });
    server.route("POST", "/up",
                 [](const http::Request&, http::Response& response) {
                     const auto later = std::make_shared<http::Later>(response.later());
                     const auto size = std::make_shared<std::size_t>(0);
                     response.read({.on_piece = [later, size](Bytes piece, bool last) {
                         *size += piece.size();
                         if (last) later->send(std::to_string(*size));
                     }});
                 },
                 {.body = http::Body::stream, .max_body = 2 * kMuch});
    server.route("GET", "/never",
                 [](const http::Request&, http::Response& response) {
                     static thread_local std::vector<http::Later> kept;
                     kept.push_back(response.later());
                 },
                 {.answer_within = 20ms});
    return server;
}

std::string everything() {
    return request_of("GET /much") +
           request_of("POST /up", "Content-Length: " + std::to_string(kMuch) + "\r\n",
                      std::string(kMuch, 'x')) +
           request_of("GET /never") + request_of("GET /", "Connection: close\r\n");
}

void check_everything(const std::string& got) {
    CHECK(has(got, "\r\n\r\n" + numbers(kMuch) + "HTTP/1.1 200 OK"));
    CHECK(has(got, "\r\n\r\n" + std::to_string(kMuch) + "HTTP/1.1 503"));
    CHECK(got.ends_with("\r\n\r\nhello"));
}

}  // namespace

TEST_CASE("http sockets: all kinds of answers in one pipeline, on a reactor") {
    Reactor reactor;
    const auto listening = listen_on(reactor, socket_server().factory());
    FarEnd client(listening.local);
    std::string left = everything();
    run_until(reactor, [&] {
        left.erase(0, client.send(left));
        client.read();
        return client.over();
    });
    CHECK_FALSE(client.error);
    check_everything(client.received);
}

TEST_CASE("http sockets: all kinds of answers in one pipeline, under threads") {
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop.has_value());
    std::thread server(
        [&] { (void)serve_threads(std::move(listener.socket), socket_server().factory(), *stop); });
    {
        auto client = connect(listener.at, 5s);
        REQUIRE(client.has_value());
        std::thread sender([&] { CHECK(client->send_all(as_bytes(everything())).has_value()); });
        std::string got;
        std::vector<std::byte> buffer(64 * 1024);
        for (auto size = client->receive(buffer); size && *size > 0; size = client->receive(buffer))
            got += as_text(Bytes(buffer).first(*size));
        sender.join();
        check_everything(got);
    }
    stop->abort();
    server.join();
}

TEST_CASE("http sockets: timers of a reactor answer and write") {
    Reactor reactor;
    http::Server server = hello();
    server.route("GET", "/later", [&](const http::Request&, http::Response& response) {
        const auto later = std::make_shared<http::Later>(response.later());
        reactor.after(1ms, [later] { later->send("late"); });
    });
    server.route("GET", "/ticks", [&](const http::Request&, http::Response& response) {
        const auto stream = std::make_shared<http::Stream>(response.stream());
        for (int i = 1; i <= 3; ++i)
            reactor.after(std::chrono::milliseconds(i), [stream] { stream->write("tick"); });
        reactor.after(4ms, [stream] { stream->end(); });
    });
    const auto listening = listen_on(reactor, server.factory());
    FarEnd client(listening.local);
    client.send(request_of("GET /later") + request_of("GET /ticks") +
                request_of("GET /", "Connection: close\r\n"));
    client.read_to_end(reactor);
    CHECK(has(client.received, "\r\n\r\nlateHTTP/1.1 200 OK"));
    CHECK(has(client.received, "4\r\ntick\r\n4\r\ntick\r\n4\r\ntick\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(client.received.ends_with("\r\n\r\nhello"));
}

TEST_CASE("http sockets: a client that resets is noticed while its answer is awaited") {
    Reactor reactor;
    http::Server server;
    std::vector<http::Later> waiting;
    std::error_code gone;
    server.route("GET", "/", [&](const http::Request&, http::Response& response) {
        waiting.push_back(response.later());
        waiting.back().on_gone([&](std::error_code why) { gone = why; });
    });
    const auto listening = listen_on(reactor, server.factory());
    {
        FarEnd client(listening.local);
        client.send(request_of("GET /"));
        run_until(reactor, [&] { return !waiting.empty(); });
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        REQUIRE(setsockopt(client.socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) ==
                0);
    }
    run_until(reactor, [&] { return bool(gone); });
    CHECK(gone == std::errc::connection_reset);
    CHECK_FALSE(waiting[0].alive());
}

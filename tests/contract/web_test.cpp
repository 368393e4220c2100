// HTTP and WebSocket under every driver: messages at every split and in one read, and what must be refused.
#include <switchboard/http.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/websocket_server.hpp>

#include "rules.hpp"
#include "suite.hpp"
#include "text.hpp"

using namespace switchboard;

namespace {

std::string text_of(std::span<const http::Field> fields) {
    std::string text;
    for (const http::Field& field : fields)
        text += std::string(field.name) + "=" + std::string(field.value) + ";";
    return text;
}

// Answers with all that it sees of the request.
void mirror(const http::Request& request, http::Response& response) {
    if (!request.field("X-Sets").empty()) response.field("X-Set", request.field("X-Sets"));
    response.send(std::string(request.method()) + " " + std::string(request.target()) + " " +
                  request.parameter("id") + "?" + std::string(request.query()) + " " +
                  text_of(request.fields()) + text_of(request.trailers()) + " " +
                  std::string(as_text(request.body())));
}

// Answers in chunks with the body, as its pieces come.
void stream_back(const http::Request&, http::Response& response) {
    const auto stream = std::make_shared<http::Stream>(response.stream());
    const auto whole = std::make_shared<std::string>();
    response.read({.on_piece = [stream, whole](Bytes piece, bool last) {
        *whole += as_text(piece);
        if (!last) return;
        stream->write(*whole);
        stream->end();
    }});
}

ProtocolFactory mirror_server() {
    http::ServerOptions options;
    options.clock = nullptr;
    options.limits.max_requests = 1'000'000;
    http::Server server(options);
    for (const char* const path : {"/", "/items/{id}"})
        for (const char* const method : {"GET", "POST"}) server.route(method, path, mirror);
    server.route("POST", "/stream", stream_back, {.body = http::Body::stream});
    return server.factory();
}

// Each has something that must not be seen in an answer to another one.
const std::vector<std::string> kRequests = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /items/one?two=three HTTP/1.1\r\nHost: b\r\nX-Sets: four\r\nCookie: five\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 11\r\n\r\nhello world",
    "POST /items/six HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;x=y\r\nseven\r\n1\r\n!\r\n0\r\nX-Trailer: eight\r\n\r\n",
    "POST /stream HTTP/1.1\r\nHost: e\r\nContent-Length: 4\r\n\r\nnine",
    "HEAD /items/ten HTTP/1.1\r\nHost: f\r\n\r\n",
    "GET /none HTTP/1.1\r\nHost: g\r\n\r\n",
    "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n",
    "OPTIONS /items/x HTTP/1.1\r\nHost: i\r\n\r\n",
};

}  // namespace

CONTRACT("http: requests at every split and in one read, without a trace of those before") {
    std::vector<std::string> answers;  // each on a connection of its own
    std::string all, all_answers;
    for (const std::string& request : kRequests) {
        answers.push_back(testing::deliver(mirror_server(), request).output);
        REQUIRE(answers.back().starts_with("HTTP/1.1 "));
        all += request;
        all_answers += answers.back();
    }
    driver.start(mirror_server(), {});
    auto peer = driver.connect();
    for (std::size_t i = 0; i < kRequests.size(); ++i) {
        for (std::size_t split = 1; split < kRequests[i].size(); ++split) {
            peer->send(kRequests[i].substr(0, split));
            driver.pump();
            peer->send(kRequests[i].substr(split));
            REQUIRE(peer->receive(answers[i].size()) == answers[i]);
        }
    }
    peer->send(all);
    CHECK(peer->receive(all_answers.size()) == all_answers);
    peer->shutdown_write();
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("http: each row of the rules is refused, and nothing behind it is served") {
    const std::string next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    driver.start(mirror_server(), {});
    for (const test::Row& row : test::kRules) {
        CAPTURE(row.rule.anchor);
        auto peer = driver.connect();
        peer->send(std::string(row.rule.input) + next);
        peer->shutdown_write();
        const std::string answer = peer->receive_all();
        CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(row.rule.status)));
        if (test::goes_on(row.rule.status)) continue;
        CHECK(test::has(answer, "\r\nConnection: close\r\n"));
        CHECK(test::count(answer, "HTTP/1.1 ") == 1);
        CHECK(peer->end() == Peer::End::eof);
    }
    driver.drain();
}

// ---- WebSocket

namespace {

class SendsBack final : public websocket::Handler {
    void on_message(websocket::Socket& socket, websocket::Kind kind,
                    MutableBytes message) override {
        socket.send(kind, message);
    }
};

ProtocolFactory message_server() {
    http::ServerOptions options;
    options.clock = nullptr;
    const auto settings = websocket::Settings::make({.deflate = {.enabled = true}});
    REQUIRE(settings);
    return http::Server(options)
        .route("GET", "/",
               websocket::endpoint([] { return std::make_unique<SendsBack>(); }, *settings))
        .factory();
}

// A frame of a client. `first` is its first byte: FIN, RSV1 and the opcode.
std::string frame(unsigned first, std::string payload) {
    constexpr std::string_view kMask = "mask";
    std::string head{static_cast<char>(first)};
    if (payload.size() < 126) {
        head += static_cast<char>(0x80U | payload.size());
    } else {
        head += '\xfe';
        head += static_cast<char>(payload.size() >> 8U);
        head += static_cast<char>(payload.size() & 0xffU);
    }
    for (std::size_t i = 0; i < payload.size(); ++i)
        payload[i] = static_cast<char>(payload[i] ^ kMask[i % kMask.size()]);
    return head + std::string(kMask) + payload;
}

const std::string kUpgrade =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

// Each is one message or a Ping, so that there is one answer.
const std::vector<std::string> kInputs = {
    frame(0x81, "hello"),
    frame(0x82, ""),
    frame(0x89, "ping"),
    frame(0x82, std::string(126, 'b')),
    frame(0x01, "h\xc3") + frame(0x00, "\xa4") + frame(0x80, "!"),
    frame(0xc1, std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7)),  // "Hello" (RFC 7692, 7.2.3.1)
};

// Returns what the server sends to a peer that sends this on a connection of its own.
std::string reply_to(const std::string& input) {
    return testing::deliver(message_server(), input).output;
}

}  // namespace

CONTRACT("websocket: messages at every split, and several in one read") {
    const std::string greeting = reply_to(kUpgrade);
    REQUIRE(greeting.starts_with("HTTP/1.1 101 "));
    driver.start(message_server(), {});
    auto peer = driver.connect();
    peer->send(kUpgrade);
    REQUIRE(peer->receive(greeting.size()) == greeting);
    std::string all, all_answers;
    for (const std::string& input : kInputs) {
        const std::string answer = reply_to(kUpgrade + input).substr(greeting.size());
        REQUIRE_FALSE(answer.empty());
        for (std::size_t split = 1; split < input.size(); ++split) {
            peer->send(input.substr(0, split));
            driver.pump();
            peer->send(input.substr(split));
            REQUIRE(peer->receive(answer.size()) == answer);
        }
        all += input;
        all_answers += answer;
    }
    peer->send(all);
    CHECK(peer->receive(all_answers.size()) == all_answers);
    peer->send(frame(0x88, "\x03\xe8"));
    CHECK(peer->receive_all() == "\x88\x02\x03\xe8");
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("websocket: the first message comes with the request, at every split") {
    const std::string input = kUpgrade + kInputs[0] + frame(0x88, "\x03\xe8");
    const std::string expected = reply_to(input);
    REQUIRE(expected.ends_with("\x81\x05hello\x88\x02\x03\xe8"));
    driver.start(message_server(), {});
    for (std::size_t split = 0; split < input.size(); ++split) {
        auto peer = driver.connect();
        peer->send(input.substr(0, split));
        driver.pump();
        peer->send(input.substr(split));
        REQUIRE(peer->receive_all() == expected);
        CHECK(peer->end() == Peer::End::eof);
    }
    driver.drain();
}

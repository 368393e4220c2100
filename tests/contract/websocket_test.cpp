// WebSocket under every driver: messages at every split, and the first one in the read of the handshake.
#include <switchboard/testing/conformance.hpp>
#include <switchboard/websocket_server.hpp>

#include "suite.hpp"

using namespace switchboard;

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

// Handlers and frames for tests of WebSockets.
#pragma once

#include <doctest/doctest.h>

#include <engine.hpp>
#include <functional>
#include <string>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>
#include <switchboard/websocket.hpp>

namespace switchboard::test {

using websocket::Kind;
using WsSocket = websocket::Socket;
using websocket::detail::Opcode;
using websocket::detail::Role;

inline const testing::Findings kNoFindings;

// What a handler was told, in words: "open text:hello close:1000/bye ".
struct WsLog {
    std::string text;
    WsSocket* socket = nullptr;  // while it is open
};

// A handler that logs, and does what the test asks for besides.
class WsHandler final : public websocket::Handler {
public:
    struct Does {
        std::function<void(WsSocket&)> on_open = {};
        std::function<void(WsSocket&, Kind, MutableBytes)> on_message = {};
        std::function<void(WsSocket&)> on_writable = {};
    };
    WsHandler(WsLog* log, Does does) : log_(log), does_(std::move(does)) {}

    void on_open(WsSocket& socket) override {
        note("open");
        if (log_ != nullptr) log_->socket = &socket;
        if (does_.on_open) does_.on_open(socket);
    }
    void on_message(WsSocket& socket, Kind kind, MutableBytes message) override {
        note((kind == Kind::text ? "text:" : "binary:") + std::string(as_text(message)));
        if (does_.on_message) does_.on_message(socket, kind, message);
    }
    void on_writable(WsSocket& socket) override {
        note("writable");
        if (does_.on_writable) does_.on_writable(socket);
    }
    void on_pong(WsSocket&, Bytes payload) override {
        note("pong:" + std::string(as_text(payload)));
    }
    void on_close(std::uint16_t code, std::string_view reason) noexcept override {
        note("close:" + std::to_string(code) + "/" + std::string(reason));
        if (log_ != nullptr) log_->socket = nullptr;
    }

private:
    void note(const std::string& what) {
        if (log_ != nullptr) log_->text += what + " ";
    }

    WsLog* log_;
    Does does_;
};

inline WsHandler::Does ws_echo() {
    return {
        .on_message = [](WsSocket& s, Kind kind, MutableBytes message) { s.send(kind, message); }};
}

inline websocket::Settings ws_settings(const websocket::Options& options = {}) {
    auto made = websocket::Settings::make(options);
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return *made;
}

// One end after its handshake.
inline std::unique_ptr<Protocol> ws_end(WsLog* log, WsHandler::Does does = {},
                                        const websocket::Options& options = {},
                                        websocket::detail::Opening opening = {}) {
    return std::make_unique<websocket::detail::Engine>(
        std::make_unique<WsHandler>(log, std::move(does)), ws_settings(options).shared(),
        std::move(opening));
}

inline websocket::detail::Opening as_client() {
    return {.role = Role::client};
}

// A frame as a server sends it, or as a client that masks with `mask`.
struct FrameOf {
    Opcode opcode = Opcode::text;
    std::string payload = {};
    bool fin = true;
    bool rsv1 = false;
};

inline std::string server_frame(const FrameOf& frame) {
    std::array<std::byte, websocket::detail::kMaxHead> head{};
    const auto size = websocket::detail::encode_head(head,
                                                     {.opcode = frame.opcode,
                                                      .fin = frame.fin,
                                                      .compressed = frame.rsv1,
                                                      .length = frame.payload.size()},
                                                     false);
    return std::string(as_text(Bytes(head).first(size))) + frame.payload;
}

inline std::string client_frame(const FrameOf& frame, std::uint32_t mask = 0x12345678) {
    std::array<std::byte, websocket::detail::kMaxHead> head{};
    const auto size = websocket::detail::encode_head(head,
                                                     {.opcode = frame.opcode,
                                                      .fin = frame.fin,
                                                      .compressed = frame.rsv1,
                                                      .mask = mask,
                                                      .length = frame.payload.size()},
                                                     true);
    std::string payload = frame.payload;
    const std::string_view key(reinterpret_cast<const char*>(&mask), 4);
    for (std::size_t i = 0; i < payload.size(); ++i)
        payload[i] = static_cast<char>(payload[i] ^ key[i % 4]);
    return std::string(as_text(Bytes(head).first(size))) + payload;
}

// The payload of a Close frame.
inline std::string close_payload(unsigned code, std::string_view reason = {}) {
    return std::string{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)} +
           std::string(reason);
}

inline std::string server_close(unsigned code, std::string_view reason = {}) {
    return server_frame({.opcode = Opcode::close, .payload = close_payload(code, reason)});
}
inline std::string client_close(unsigned code, std::string_view reason = {}) {
    return client_frame({.opcode = Opcode::close, .payload = close_payload(code, reason)});
}

}  // namespace switchboard::test

// What the loads of HTTP and WebSocket send and expect, for `load`, `compare` and `cost`.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace switchboard::bench {

// Asks the protocol `hello` of `switchboard serve`, or a peer, for its page.
inline constexpr std::string_view kHttpRequest = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

// Returns the page of that many bytes: see register_http() in protocols/http.
std::string hello_page(std::size_t size);

// A request to open a WebSocket, and the value of Sec-WebSocket-Accept in its answer (RFC 6455, section 1.3).
inline constexpr std::string_view kWebSocketRequest =
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
inline constexpr std::string_view kWebSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

// Returns the value of a field of an answer's head, or an empty text. `name` must be in lower case.
std::string_view field_of(std::string_view head, std::string_view name);

inline constexpr std::string_view kEndOfHead = "\r\n\r\n";

// The four bytes of every mask are this one, so that masked bytes do not depend on their place in a frame.
inline constexpr std::byte kMask{0x5a};

// The head of a frame with a whole binary message (RFC 6455, section 5.2). The client masks.
struct FrameHead {
    std::array<std::byte, 14> bytes{};
    std::size_t size = 0;
};
FrameHead frame_head(std::size_t payload, bool masked);

}  // namespace switchboard::bench

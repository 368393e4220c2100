// Sec-WebSocket-Key and Sec-WebSocket-Accept (RFC 6455, 4.1 and 4.2.2).
#pragma once

#include <string>
#include <string_view>

namespace switchboard::websocket::detail {

// Returns whether `key` is 16 bytes in base64.
bool is_key(std::string_view key) noexcept;
// Returns 16 random bytes in base64.
std::string make_key();
// Returns the value of Sec-WebSocket-Accept.
std::string accept_key(std::string_view key);

}  // namespace switchboard::websocket::detail

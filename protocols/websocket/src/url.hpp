// URLs of WebSockets (RFC 6455, 3).
#pragma once

#include <string_view>

#include "http_url.hpp"

namespace switchboard::websocket::detail {

using http::detail::Url;

// Errors: errc::bad_option; the text says what is wrong.
[[nodiscard]] inline Result<Url> parse_url(std::string_view text) {
    return http::detail::parse_url(text, {"WebSocket URL", "ws", "wss", false});
}

}  // namespace switchboard::websocket::detail

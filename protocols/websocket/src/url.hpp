// URLs of WebSockets (RFC 6455, 3).
#pragma once

#include <string>
#include <string_view>
#include <switchboard/error.hpp>

namespace switchboard::websocket::detail {

struct Url {
    bool secure = false;    // wss
    std::string authority;  // the value of Host: "example.org:8080", without a default port
    std::string host;       // "example.org"; IPv6 without brackets
    std::uint16_t port = 80;
    std::string target;  // "/chat?room=1"
};

// Errors: errc::bad_option; the text says what is wrong.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace switchboard::websocket::detail

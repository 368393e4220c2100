// URLs that name a server by host and port (RFC 3986; RFC 9110, section 4.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>

namespace switchboard::http::detail {

struct Url {
    bool secure = false;    // https, wss
    std::string authority;  // the value of Host: "example.org:8080", without a default port
    std::string host;       // "example.org"; IPv6 without brackets
    std::uint16_t port = 80;
    std::string target;  // "/chat?room=1"
};

// Which URLs are valid.
struct UrlKind {
    const char* name;                // for errors
    std::string_view plain, secure;  // the two schemes, in lower case
    bool may_have_fragment;          // it is removed
};
inline constexpr UrlKind kHttpUrl{"URL", "http", "https", true};

// Errors: errc::bad_option; the text says what is wrong.
[[nodiscard]] Result<Url> parse_url(std::string_view text, const UrlKind& kind);

}  // namespace switchboard::http::detail

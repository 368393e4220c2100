#include "url.hpp"

#include <algorithm>
#include <charconv>

#include "fields.hpp"

namespace switchboard::websocket::detail {
namespace {

tl::unexpected<Error> wrong(const char* what) {
    return fail(errc::bad_option, std::string("WebSocket URL: ") + what);
}

// Only printable ASCII goes into a request as it is.
bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool read_port(std::string_view text, std::uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool is_host(std::string_view host) {
    return !host.empty() && host.find_first_of("[]<>\"\\^`{|}") == std::string_view::npos;
}

// Splits "host:port" and "[::1]:port".
bool read_authority(Url& url, std::string_view text) {
    std::string_view port;
    std::string_view host = text;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (host.find(':') == std::string_view::npos) return false;
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon);
    }
    const std::uint16_t usual = url.secure ? 443 : 80;
    url.port = usual;
    if (!port.empty() && (port[0] != ':' || !read_port(port.substr(1), url.port))) return false;
    url.host = host;
    url.authority = text.substr(0, text.size() - port.size());
    if (url.port != usual) url.authority += ":" + std::to_string(url.port);
    return is_host(host);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
    Url url;
    const auto colon = text.find("://");
    const auto scheme = text.substr(0, colon == std::string_view::npos ? 0 : colon);
    url.secure = equals_without_case(scheme, "wss");
    if (!url.secure && !equals_without_case(scheme, "ws"))
        return wrong("it does not begin with ws:// or wss://");
    if (!is_printable(text)) return wrong("a character must be percent-encoded");
    const auto rest = text.substr(colon + 3);
    if (rest.find('#') != std::string_view::npos) return wrong("it has a fragment");
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.find('@') != std::string_view::npos) return wrong("it names a user");
    if (!read_authority(url, authority)) return wrong("wrong host or port");
    url.target = rest.substr(authority.size());
    if (!url.target.starts_with('/')) url.target.insert(0, "/");
    return url;
}

}  // namespace switchboard::websocket::detail

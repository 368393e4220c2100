#include "http_url.hpp"

#include <algorithm>

#include "base/parse_number.hpp"
#include "framing_fields.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// Only printable ASCII goes into a request as it is.
bool is_printable(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool read_port(std::string_view text, std::uint16_t& port) noexcept {
    const auto value =
        text.empty() ? std::nullopt : switchboard::detail::number<std::uint16_t>(text);
    port = value.value_or(0);
    return port != 0;
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
    const bool valid = is_host(url.authority);
    if (url.port != usual) url.authority += ":" + std::to_string(url.port);
    return valid;
}

}  // namespace

Result<Url> parse_url(std::string_view text, const UrlKind& kind) {
    const auto wrong = [&](const std::string& what) {
        return fail(errc::bad_option, std::string(kind.name) + ": " + what);
    };
    Url url;
    const auto colon = text.find("://");
    const auto scheme = text.substr(0, colon == std::string_view::npos ? 0 : colon);
    url.secure = equals(scheme, kind.secure);
    if (!url.secure && !equals(scheme, kind.plain))
        return wrong("it does not begin with " + std::string(kind.plain) + ":// or " +
                     std::string(kind.secure) + "://");
    if (!is_printable(text)) return wrong("a character must be percent-encoded");
    auto rest = text.substr(colon + 3);
    const auto fragment = rest.find('#');
    if (fragment != std::string_view::npos && !kind.may_have_fragment)
        return wrong("it has a fragment");
    rest = rest.substr(0, fragment);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.find('@') != std::string_view::npos) return wrong("it names a user");
    if (!read_authority(url, authority)) return wrong("wrong host or port");
    url.target = rest.substr(authority.size());
    if (!url.target.starts_with('/')) url.target.insert(0, "/");
    return url;
}

}  // namespace switchboard::http::detail

#include "request.hpp"

#include <algorithm>

namespace switchboard::detail {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) noexcept {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               others.find(c) != std::string_view::npos;
    });
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view take_line(std::string_view& text) noexcept {
    const auto end = text.find(kLineEnd);
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + kLineEnd.size());
    return line;
}

// Returns the path of "/metrics?name=open", or of a full target as a proxy sends it (section 3.2.2). Returns
// an empty path if the target is neither.
std::string_view path_of(std::string_view target) noexcept {
    constexpr std::string_view scheme = "http://";
    if (!std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f; })) return {};
    if (target.starts_with(scheme)) {
        const auto path = target.find('/', scheme.size());
        target = path == std::string_view::npos ? "/" : target.substr(path);
    }
    return target.starts_with('/') ? target.substr(0, target.find('?')) : std::string_view();
}

// Returns the number of Host fields, or -1 if a line is not a header field (section 5).
int count_hosts(std::string_view fields) noexcept {
    int hosts = 0;
    while (!fields.empty()) {
        const auto line = take_line(fields);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return -1;
        if (equal_ignoring_case(line.substr(0, colon), "host")) ++hosts;
    }
    return hosts;
}

tl::unexpected<std::string_view> wrong(std::string_view what) noexcept {
    return tl::unexpected<std::string_view>(what);
}

}  // namespace

bool has_control(std::string_view text, std::size_t from) noexcept {
    for (std::size_t i = from; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\r' && (i + 1 == text.size() || text[i + 1] == '\n')) continue;
        if (c == '\n' && i > 0 && text[i - 1] == '\r') continue;
        if ((c < ' ' && c != '\t') || c == 0x7f) return true;
    }
    return false;
}

tl::expected<Request, std::string_view> parse_request(std::string_view head) {
    const auto line = take_line(head);
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == last) return wrong("not an HTTP/1 request");
    const auto version = line.substr(last + 1);
    const Request request{line.substr(0, first), path_of(line.substr(first + 1, last - first - 1))};
    const bool known = version == "HTTP/1.1" || version == "HTTP/1.0";
    if (!known || !is_token(request.method) || request.path.empty())
        return wrong("not an HTTP/1 request");
    const int hosts = count_hosts(head);
    if (hosts < 0) return wrong("a line is not a header field");
    // Section 3.2.
    if (hosts > 1 || (hosts == 0 && version == "HTTP/1.1"))
        return wrong("not exactly one Host field");
    return request;
}

}  // namespace switchboard::detail

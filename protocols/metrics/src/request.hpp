// The head of an HTTP/1 request, read strictly: RFC 9112.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

namespace switchboard::detail {

struct Request {
    std::string_view method;
    std::string_view path;  // of the target, without its query
};

// Returns whether `text` contains, from `from` on, a byte that is not allowed: a control character, or a CR
// or LF without the other (section 2.2). The last byte may be a CR whose LF has not come yet.
bool has_control(std::string_view text, std::size_t from) noexcept;

// `head` must not contain the empty line at its end, nor such bytes. The error says what is wrong.
tl::expected<Request, std::string_view> parse_request(std::string_view head);

}  // namespace switchboard::detail

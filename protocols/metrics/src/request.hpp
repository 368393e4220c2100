// The head of an HTTP/1 request, read strictly: RFC 9112.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

namespace switchboard::detail {

struct Request {
    std::string_view method;
    std::string_view path;  // of the target, without its query
};

// Whether there is a byte in `text`, from `from` on, that ends no line and may stand in none: a control
// character, or a CR or LF without the other (section 2.2). Its last byte may be a CR whose LF is to come.
bool has_control(std::string_view text, std::size_t from) noexcept;

// `head` is without the empty line at its end, and without such bytes. The error says what is wrong.
tl::expected<Request, std::string_view> parse_request(std::string_view head);

}  // namespace switchboard::detail

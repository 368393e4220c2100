// The head of a request.
#pragma once

#include <string>
#include <switchboard/http_client.hpp>

#include "http_url.hpp"

namespace switchboard::http::detail {

// Errors: errc::bad_option; the text names what is not valid.
[[nodiscard]] Result<void> check_call(const Call& call);

struct RequestForm {
    bool by_proxy = false;   // the target is the whole URL (RFC 9112, section 3.2.2)
    bool asks_gzip = false;  // adds Accept-Encoding
};
// Returns the request line and the fields, with the empty line. `call.url` is not used.
std::string head_text(const Call& call, const Url& url, const RequestForm& form);

// Returns whether one of the fields has that name, which must be in lower case.
bool has_field(const FieldList& fields, std::string_view small) noexcept;

// RFC 9110, section 9.2.2.
bool is_idempotent(std::string_view method) noexcept;

}  // namespace switchboard::http::detail

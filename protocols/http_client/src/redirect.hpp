// Redirects (RFC 9110, section 15.4).
#pragma once

#include <string>
#include <string_view>
#include <switchboard/http_client.hpp>

#include "http_url.hpp"

namespace switchboard::http::detail {

// Returns the URL as text: "https://example.org:8443/x?y".
std::string to_text(const Url& url);

bool is_same_origin(const Url& a, const Url& b) noexcept;

// Returns the URL that `reference` means in a document at `base` (RFC 3986, section 5.2). Errors:
// errc::bad_option; the text says what is wrong.
[[nodiscard]] Result<Url> resolve(const Url& base, std::string_view reference);

// Whether a reply of that status redirects if it has a Location.
bool is_redirect(unsigned status) noexcept;

// Returns the method of the next request. If it differs, the request has no body any more.
std::string_view method_after(unsigned status, std::string_view method) noexcept;

// Removes the fields that must not be sent to the target of a redirect. Without a body these are the fields
// about it. If the origin changes, these are all that are not known to be harmless.
void prune(FieldList& fields, bool has_body, bool same_origin);

}  // namespace switchboard::http::detail

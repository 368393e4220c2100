// Types of content (RFC 9110, section 8.3).
#pragma once

#include <string_view>

namespace switchboard::http::detail {

// Returns the type that the extension of a file stands for, or application/octet-stream. Text counts as
// UTF-8.
std::string_view content_type_of(std::string_view file_name) noexcept;

// Returns whether content of that type becomes smaller. Parameters of the type do not matter.
bool is_compressible(std::string_view content_type) noexcept;

}  // namespace switchboard::http::detail

// The choice between a compressed and an uncompressed answer (RFC 9110, section 12.5.3).
#pragma once

#include <switchboard/http.hpp>

namespace switchboard::http::detail {

// Returns whether the fields Accept-Encoding of a request give gzip a weight, and the uncompressed answer
// none that is higher. A malformed weight counts as 0.
bool accepts_gzip(std::span<const Field> fields) noexcept;

}  // namespace switchboard::http::detail

// What conditional requests need beyond their public interface.
#pragma once

#include <optional>
#include <string_view>
#include <switchboard/http_conditions.hpp>

namespace switchboard::http::detail {

// Returns the value of a field that the request has exactly once.
std::optional<std::string_view> single_field(const Request& request,
                                             std::string_view name) noexcept;

// Returns whether If-Range, if there is one, lets a range be answered (RFC 9110, section 13.1.5). A date must
// be the very Last-Modified.
bool range_applies(const Request& request, const Validators& current) noexcept;

}  // namespace switchboard::http::detail

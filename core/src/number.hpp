// Decimal numbers that are the whole of a text. Private to core.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace switchboard::detail {

// None for a sign, a space, anything behind it, and what Number has no room for.
template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const bool whole = error == std::errc() && stop == end && text.front() != '-';
    return whole ? std::optional(value) : std::nullopt;
}

}  // namespace switchboard::detail

// Parsing decimal numbers. Private to core.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace switchboard::detail {

// Returns nothing unless the whole text is a number: no sign, no space, nothing behind it. Also returns
// nothing if Number is too small for it.
template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const bool whole = error == std::errc() && stop == end && text.front() != '-';
    return whole ? std::optional(value) : std::nullopt;
}

}  // namespace switchboard::detail

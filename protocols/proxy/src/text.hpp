// Text from outside: splitting it, reading numbers, and quoting it in messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/parse_number.hpp"

namespace switchboard::detail {

// Returns the parts between the separators, including empty ones: one more than there are separators.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

// Like number(), but also refuses a leading zero, which some programs read as octal.
template <class Number>
std::optional<Number> plain_number(std::string_view text) {
    const bool leading_zero = text.size() > 1 && text.starts_with('0');
    return leading_zero ? std::nullopt : number<Number>(text);
}

// Quotes text for a log, in which the bytes of a peer must not start a line or an escape sequence.
inline std::string quoted(std::string_view text) {
    std::string shown = "'";
    for (const char c : text) shown += c >= ' ' && c <= '~' ? c : '?';
    return shown + "'";
}

}  // namespace switchboard::detail

// Classes of characters (RFC 9110, section 5.6), and texts that compare without case.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

namespace switchboard::http::detail {

using CharSet = std::array<bool, 256>;

constexpr CharSet chars_of(std::string_view extra, bool alphanumeric) {
    CharSet set{};
    for (const char c : extra) set[static_cast<unsigned char>(c)] = true;
    for (char c = 'a'; alphanumeric && c <= 'z'; ++c)
        set[static_cast<unsigned char>(c)] = set[static_cast<unsigned char>(c - 'a' + 'A')] = true;
    for (char c = '0'; alphanumeric && c <= '9'; ++c) set[static_cast<unsigned char>(c)] = true;
    return set;
}

constexpr CharSet value_chars() {
    CharSet set{};
    for (std::size_t c = 0x20; c < set.size(); ++c) set[c] = c != 0x7f;
    set['\t'] = true;
    return set;
}

constexpr CharSet target_chars(bool with_query) {
    CharSet set{};
    for (std::size_t c = 0x21; c < 0x7f; ++c) set[c] = c != '#' && (with_query || c != '?');
    return set;
}

inline constexpr CharSet kTokenChars = chars_of("!#$%&'*+-.^_`|~", true);
inline constexpr CharSet kValueChars = value_chars();
inline constexpr CharSet kTargetChars = target_chars(true);
inline constexpr CharSet kPathChars = target_chars(false);
// A registered name (RFC 3986, section 3.2.2) without the comma, which would make a list of the Host field.
inline constexpr CharSet kHostChars = chars_of("-._~%!$&'()*+;=", true);
inline constexpr CharSet kAddressChars = chars_of(":.", true);  // in brackets

constexpr bool contains(const CharSet& set, char c) noexcept {
    return set[static_cast<unsigned char>(c)];
}

constexpr bool all_of(const CharSet& set, std::string_view text) noexcept {
    for (const char c : text)
        if (!contains(set, c)) return false;
    return true;
}

// Returns whether none of the eight bytes at `at` is below 0x20 or 0x7f. The high bit is set of each that is.
inline bool are_plain(const char* at) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101, high = ones << 7;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    const std::uint64_t low = (bytes - ones * 0x20) & ~bytes;
    const std::uint64_t del = bytes ^ (ones * 0x7f);
    return ((low | ((del - ones) & ~del)) & high) == 0;
}

// Returns the first byte from `at` on that no value may have, or `end`. Goes eight bytes at a time, and looks
// more closely at those that are not plain: one may be a tab.
inline const char* end_of_value(const char* at, const char* end) noexcept {
    while (end - at >= 8 && are_plain(at)) at += 8;
    while (at != end && contains(kValueChars, *at)) ++at;
    return at;
}

inline bool is_value(std::string_view text) noexcept {
    const char* const end = text.data() + text.size();
    return end_of_value(text.data(), end) == end;
}

// Returns whether the text at `at`, which has as many bytes, begins with `literal`.
template <std::size_t Size>
bool begins_with(const char* at, const char (&literal)[Size]) noexcept {
    return std::memcmp(at, literal, Size - 1) == 0;
}

constexpr bool is_token(std::string_view text) noexcept {
    return !text.empty() && all_of(kTokenChars, text);
}

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// `small` must be in lower case.
constexpr bool equals(std::string_view text, std::string_view small) noexcept {
    if (text.size() != small.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (lower(text[i]) != small[i]) return false;
    return true;
}

// Each of `list` must be in lower case.
constexpr bool is_one_of(std::string_view text,
                         std::initializer_list<std::string_view> list) noexcept {
    for (const std::string_view one : list)
        if (equals(text, one)) return true;
    return false;
}

constexpr bool equals_without_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Returns the value of a hexadecimal digit, or -1.
constexpr int hex_digit(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char small = lower(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}

constexpr std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

inline void append_field(std::string& to, std::string_view name, std::string_view value) {
    to.append(name).append(": ").append(value).append("\r\n");
}

// Calls `use` with each element of a comma-separated list (RFC 9110, section 5.6.1), without spaces around
// it.
template <class Use>
constexpr void each_element(std::string_view list, Use use) {
    for (bool more = true; more;) {
        const std::size_t comma = list.find(',');
        more = comma != std::string_view::npos;
        use(trimmed(list.substr(0, comma)));
        if (more) list.remove_prefix(comma + 1);
    }
}

}  // namespace switchboard::http::detail

#include "files/range.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// A number that is too large for the type is as good as the largest: no file ends behind it.
std::optional<std::uint64_t> position(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (text.empty() || read.ptr != end) return std::nullopt;
    return read.ec == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

ByteRange last_bytes(std::string_view count, std::uint64_t size) noexcept {
    const auto wanted = position(count);
    if (!wanted) return {};
    if (*wanted == 0) return {.kind = ByteRange::Kind::unsatisfiable};
    // Content-Range cannot express a range of nothing.
    if (size == 0) return {};
    const std::uint64_t length = std::min(*wanted, size);
    return {.kind = ByteRange::Kind::part, .first = size - length, .length = length};
}

}  // namespace

ByteRange parse_range(std::string_view value, std::uint64_t size) noexcept {
    constexpr std::string_view kUnit = "bytes=";
    if (!equals(value.substr(0, kUnit.size()), kUnit)) return {};
    const std::string_view range = trimmed(value.substr(kUnit.size()));
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return {};
    const std::string_view last_text = range.substr(dash + 1);
    if (dash == 0) return last_bytes(last_text, size);
    const auto first = position(range.substr(0, dash));
    const auto last =
        last_text.empty() ? std::numeric_limits<std::uint64_t>::max() : position(last_text);
    if (!first || !last || *last < *first) return {};
    if (*first >= size) return {.kind = ByteRange::Kind::unsatisfiable};
    return {.kind = ByteRange::Kind::part,
            .first = *first,
            .length = std::min(*last, size - 1) - *first + 1};
}

}  // namespace switchboard::http::detail

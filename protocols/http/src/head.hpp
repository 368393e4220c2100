// The head of a request: the request line and the fields (RFC 9112, sections 2 to 6).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <switchboard/http.hpp>

namespace switchboard::http::detail {

inline constexpr std::size_t kMostFields = 100;

// The parsed head. All texts are views of the input. The fields are not initialized, because that would cost
// more than parsing a short head.
struct Head {
    // NOLINTNEXTLINE(modernize-use-equals-default): the union would delete a default constructor.
    Head() noexcept {}
    std::span<const Field> fields() const noexcept { return {field_array, count}; }

    std::string_view method, target, path, query, host;
    std::string_view upgrade;  // the field Upgrade, if the client may upgrade
    std::uint64_t length = 0;  // Content-Length
    std::uint32_t count = 0;   // of fields
    bool has_length = false;
    bool chunked = false;
    bool http10 = false;
    bool keep_alive = false;
    bool expects_continue = false;

    bool has_body() const noexcept { return chunked || length > 0; }

    union {
        Field field_array[kMostFields];
    };
};

// What a head turned out to be.
struct Parsed {
    std::size_t used = 0;  // bytes of the whole head; 0: more bytes are needed
    unsigned refusal = 0;  // the status to refuse it with; 0: none
};

// Parses the head at the front of `in`, once it is whole. `seen` counts the bytes that were looked at when
// more were needed, so that they are not looked at again; it starts at 0.
Parsed parse_head(std::string_view in, const HttpLimits& limits, std::size_t& seen, Head& head);

// Parses one field line at the front of `at`, which must have a CR LF before `end`, and moves behind it.
// Returns false if it is malformed.
bool parse_field(const char*& at, const char* end, Field& field) noexcept;

// Parses the field lines at `at` and the empty line behind them, and calls `use` with each field. The text
// must end with an empty line at `end`. Returns false if a line is malformed, or if `use` returns false.
template <class Use>
bool parse_all_fields(const char* at, const char* end, Use use) {
    while (*at != '\r') {
        Field field;
        if (!parse_field(at, end, field) || !use(field)) return false;
    }
    return at[1] == '\n';
}

// Returns where the first line feed from `from` on is that has no carriage return before it, or npos.
std::size_t bare_line_feed(std::string_view in, std::size_t from) noexcept;

}  // namespace switchboard::http::detail

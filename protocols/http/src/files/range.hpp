// One range of the bytes of a representation (RFC 9110, section 14).
#pragma once

#include <cstdint>
#include <string_view>

namespace switchboard::http::detail {

struct ByteRange {
    enum class Kind : std::uint8_t {
        whole,  // the field is malformed, of another unit, or has several ranges: it is ignored
        part,   // answer 206
        unsatisfiable,  // answer 416
    };
    Kind kind = Kind::whole;
    std::uint64_t first = 0, length = 0;  // of a part
};

// Reads the value of Range for a representation of `size` bytes.
ByteRange parse_range(std::string_view value, std::uint64_t size) noexcept;

}  // namespace switchboard::http::detail

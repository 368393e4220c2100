// The vocabulary of what travels: views of bytes, never owners.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace switchboard {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

// The bytes of a text, without its terminating zero. The view lives as long as the text.
inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// The same bytes seen as text. Nothing is checked: the bytes may be no text at all.
inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace switchboard

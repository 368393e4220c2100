// Views of bytes, which do not own them, and bytes with a shared owner.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace switchboard {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

// Returns the bytes of a text, without a terminating zero. The view is valid as long as the text.
inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Returns the same bytes as text. The encoding is not checked.
inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Bytes that stay valid and unchanged as long as `owner` lives, so that many can share them. Converts from a
// shared_ptr to any contiguous container: std::make_shared<const std::string>("hello"). The
// destructor of the owner must not call the connection that the bytes were written to.
struct SharedBytes {
    SharedBytes() = default;
    SharedBytes(std::shared_ptr<const void> keeps, Bytes kept) noexcept
        : bytes(kept), owner(std::move(keeps)) {}
    template <class Container>
    SharedBytes(std::shared_ptr<Container> container) noexcept
        : bytes(container ? std::as_bytes(std::span(std::as_const(*container))) : Bytes()),
          owner(std::move(container)) {}

    Bytes bytes;
    std::shared_ptr<const void> owner;
};

}  // namespace switchboard

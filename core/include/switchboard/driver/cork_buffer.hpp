// CorkBuffer: where a driver gathers the output of one callback.
#pragma once

#include <array>
#include <cstddef>

namespace switchboard {

// When the callback returns, the gathered bytes are sent in one system call. Each thread of a driver has one
// CorkBuffer.
struct CorkBuffer {
    static constexpr std::size_t kSize = 64 * 1024;
    // Pieces of at least this many bytes are sent without being copied.
    static constexpr std::size_t kLarge = 16 * 1024;

    std::size_t used = 0;
    std::array<std::byte, kSize> bytes;
};

}  // namespace switchboard

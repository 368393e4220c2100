// Where a driver gathers what one callback writes.
#pragma once

#include <array>
#include <cstddef>

namespace switchboard {

// What is gathered leaves in one system call when the callback returns. Each thread of a driver has one.
struct Scratch {
    static constexpr std::size_t kSize = 64 * 1024;
    // A piece of so many bytes leaves from where it lies.
    static constexpr std::size_t kLarge = 16 * 1024;

    std::size_t used = 0;
    std::array<std::byte, kSize> bytes;
};

}  // namespace switchboard

// Masking of payloads (RFC 6455, 5.3).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <switchboard/bytes.hpp>

#include "base/lanes.hpp"

namespace switchboard::websocket::detail {

// The four bytes of the key, in the order of the wire.
using Mask = std::uint32_t;

// Returns the mask for the byte that comes `bytes` after the one that `mask` begins with.
inline Mask rotate(Mask mask, std::size_t bytes) noexcept {
    const int bits = 8 * static_cast<int>(bytes % 4);
    return std::endian::native == std::endian::little ? std::rotr(mask, bits)
                                                      : std::rotl(mask, bits);
}

inline void mask_lanes(std::byte* at, switchboard::detail::Lanes key) noexcept {
    switchboard::detail::store_lanes(at, switchboard::detail::load_lanes(at) ^ key);
}

// Masks `data` in place, or removes the mask.
inline void apply_mask(MutableBytes data, Mask mask) noexcept {
    const std::uint64_t two = std::uint64_t{mask} << 32U | mask;
    const switchboard::detail::Lanes key{two, two};
    std::byte* at = data.data();
    std::size_t left = data.size();
    for (; left >= 64; at += 64, left -= 64) {
        mask_lanes(at, key);
        mask_lanes(at + 16, key);
        mask_lanes(at + 32, key);
        mask_lanes(at + 48, key);
    }
    for (; left >= 16; at += 16, left -= 16) mask_lanes(at, key);
    if (left >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        word ^= two;
        std::memcpy(at, &word, 8);
        at += 8;
        left -= 8;
    }
    std::byte keys[4];
    std::memcpy(keys, &mask, 4);
    for (std::size_t i = 0; i < left; ++i) at[i] ^= keys[i % 4];
}

}  // namespace switchboard::websocket::detail

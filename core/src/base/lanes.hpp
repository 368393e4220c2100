// Sixteen bytes at once. Compilers use vector instructions for them, and plain words where there are none.
#pragma once

#include <cstdint>
#include <cstring>

namespace switchboard::detail {

using Lanes [[gnu::vector_size(16)]] = std::uint64_t;

inline Lanes load_lanes(const void* at) noexcept {
    Lanes lanes;
    std::memcpy(&lanes, at, sizeof lanes);
    return lanes;
}

inline void store_lanes(void* at, Lanes lanes) noexcept {
    std::memcpy(at, &lanes, sizeof lanes);
}

}  // namespace switchboard::detail

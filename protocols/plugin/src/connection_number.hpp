// The number that a connection has in the interface.
#pragma once

#include <cstdint>
#include <switchboard/connection.hpp>

namespace switchboard::plugin {

inline std::uint64_t number_of(ConnectionId id) noexcept {
    return std::uint64_t{id.generation} << 32 | id.slot;
}

inline ConnectionId id_of(std::uint64_t number) noexcept {
    return {.slot = static_cast<std::uint32_t>(number),
            .generation = static_cast<std::uint32_t>(number >> 32)};
}

}  // namespace switchboard::plugin

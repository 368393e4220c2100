// Addresses of datagrams, as both sides of the interface know them.
#pragma once

#include <netinet/in.h>
#include <switchboard/plugin.h>
#include <cstring>
#include <switchboard/datagram_address.hpp>
#include <type_traits>

namespace switchboard::plugin {

// An sb_address has the bytes of a DatagramAddress.
static_assert(sizeof(sb_address) == sizeof(DatagramAddress));
static_assert(alignof(sb_address) == alignof(DatagramAddress));
static_assert(std::is_trivially_copyable_v<DatagramAddress>);

inline sb_address to_c(const DatagramAddress& address) noexcept {
    sb_address theirs;
    std::memcpy(&theirs, &address, sizeof theirs);
    theirs.reserved = 0;
    return theirs;
}

inline DatagramAddress from_c(const sb_address& address) noexcept {
    DatagramAddress mine;
    std::memcpy(static_cast<void*>(&mine), &address, sizeof mine);
    return mine;
}

// Whether the sizes can be those of an address.
inline bool is_valid(const sb_address& address) noexcept {
    const bool known = address.size == 0 || address.size == sizeof(sockaddr_in) ||
                       address.size == sizeof(sockaddr_in6);
    return known && address.local_size <= sizeof address.local;
}

}  // namespace switchboard::plugin

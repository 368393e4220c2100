// Ipv4Peer: the address of a peer in six bytes. Its text is made only on request.
#pragma once

#include <cstdint>
#include <optional>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// An IPv4 address and a port, in network order.
struct Ipv4Peer {
    std::uint32_t ip = 0;
    std::uint16_t port = 0;

    // Returns nothing for other than IPv4 addresses. An IPv4-mapped IPv6 address is one (RFC 4291, 2.5.5.2).
    static std::optional<Ipv4Peer> of(const SocketAddress& address) noexcept;
    Endpoint endpoint() const;
};

}  // namespace switchboard::detail

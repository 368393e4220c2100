// Six bytes for a peer, as most are: no text, and no allocation, until somebody asks.
#pragma once

#include <cstdint>
#include <optional>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// An IPv4 address and a port, in network order.
struct Ipv4Peer {
    std::uint32_t ip = 0;
    std::uint16_t port = 0;

    // None of other than IPv4 addresses. One that is mapped to IPv6 is one (RFC 4291, 2.5.5.2).
    static std::optional<Ipv4Peer> of(const SocketAddress& address) noexcept;
    Endpoint endpoint() const;
};

}  // namespace switchboard::detail

#include "ipv4_peer.hpp"

#include <netinet/in.h>

#include <cstring>

namespace switchboard::detail {

std::optional<Ipv4Peer> Ipv4Peer::of(const SocketAddress& address) noexcept {
    if (address.family() == AF_INET) {
        sockaddr_in ipv4;
        std::memcpy(&ipv4, address.data(), sizeof ipv4);
        return Ipv4Peer{ipv4.sin_addr.s_addr, ipv4.sin_port};
    }
    if (address.family() != AF_INET6) return {};
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address.data(), sizeof ipv6);
    if (!IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) return {};
    Ipv4Peer peer{0, ipv6.sin6_port};
    std::memcpy(&peer.ip, ipv6.sin6_addr.s6_addr + 12, sizeof peer.ip);
    return peer;
}

Endpoint Ipv4Peer::endpoint() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ip;
    address.sin_port = port;
    return Endpoint::from(SocketAddress(reinterpret_cast<sockaddr*>(&address), sizeof address));
}

}  // namespace switchboard::detail

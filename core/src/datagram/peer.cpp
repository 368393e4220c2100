#include <arpa/inet.h>
#include <cstring>
#include <string_view>
#include <switchboard/socket.hpp>

#include "peer_access.hpp"
#include "platform/platform.hpp"

namespace switchboard {
namespace detail {

void PeerAccess::unmap(DatagramAddress& p) noexcept {
    if (p.size_ != sizeof(sockaddr_in6)) return;
    sockaddr_in6 mapped;
    std::memcpy(&mapped, p.name_.data(), sizeof mapped);
    if (mapped.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&mapped.sin6_addr)) return;
    sockaddr_in plain{};
    plain.sin_family = AF_INET;
    plain.sin_port = mapped.sin6_port;
    std::memcpy(&plain.sin_addr, &mapped.sin6_addr.s6_addr[12], sizeof plain.sin_addr);
    platform::set_length(&plain, sizeof plain);
    std::memcpy(p.name_.data(), &plain, sizeof plain);
    p.size_ = sizeof plain;
}

void PeerAccess::map(DatagramAddress& p) noexcept {
    if (p.size_ != sizeof(sockaddr_in)) return;
    sockaddr_in plain;
    std::memcpy(&plain, p.name_.data(), sizeof plain);
    sockaddr_in6 mapped{};
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = plain.sin_port;
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xFF;
    std::memcpy(&mapped.sin6_addr.s6_addr[12], &plain.sin_addr, sizeof plain.sin_addr);
    platform::set_length(&mapped, sizeof mapped);
    std::memcpy(p.name_.data(), &mapped, sizeof mapped);
    p.size_ = sizeof mapped;
}

}  // namespace detail

DatagramAddress::DatagramAddress(const SocketAddress& address) {
    if (address.family() != AF_INET && address.family() != AF_INET6) return;
    if (address.size() > name_.size()) return;
    std::memcpy(name_.data(), address.data(), address.size());
    size_ = static_cast<std::uint8_t>(address.size());
    detail::PeerAccess::unmap(*this);
}

Result<DatagramAddress> DatagramAddress::of(const Endpoint& endpoint) {
    const std::string tried = "send to " + endpoint.to_string();
    if (endpoint.kind() != Endpoint::Kind::udp)
        return fail(errc::unsupported, tried + ": not a udp endpoint");
    const auto addresses = endpoint.addresses();
    if (!addresses) return fail(addresses.error(), tried);
    if (addresses->empty())
        return fail(errc::unsupported, tried + ": a name must be resolved first");
    return DatagramAddress(addresses->front());
}

// The port is at the same offset in both families.
std::uint16_t DatagramAddress::port() const noexcept {
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::uint16_t port = 0;
    std::memcpy(&port, name_.data() + offsetof(sockaddr_in, sin_port), sizeof port);
    return size_ != 0 ? ntohs(port) : std::uint16_t{0};
}

SocketAddress DatagramAddress::address() const {
    if (size_ == 0) return {};
    return {reinterpret_cast<const sockaddr*>(name_.data()), size_};
}

Endpoint DatagramAddress::endpoint() const {
    return size_ != 0 ? Endpoint::from(address(), Endpoint::Kind::udp) : Endpoint();
}

std::size_t DatagramAddress::hash() const noexcept {
    const std::string_view name(reinterpret_cast<const char*>(name_.data()), size_);
    return std::hash<std::string_view>()(name);
}

bool operator==(const DatagramAddress& a, const DatagramAddress& b) noexcept {
    return a.size_ == b.size_ && std::memcmp(a.name_.data(), b.name_.data(), a.size_) == 0;
}

}  // namespace switchboard

// DatagramAddress: the address of the peer that a datagram is sent to or comes from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <switchboard/endpoint.hpp>

namespace switchboard {
namespace detail {
struct PeerAccess;
}

// An IPv4 or IPv6 address and port. A value of 48 bytes that never allocates, for keys and queues. The
// address of a datagram that came to a socket bound to "*" also holds the local address that the datagram
// was sent to, and a reply is sent from there (RFC 1122, 4.1.3.5). Comparisons ignore the local address. An
// IPv4-mapped address is converted to the IPv4 address.
class DatagramAddress {
public:
    DatagramAddress() = default;  // empty; for send(): the peer that the socket is connected to
    explicit DatagramAddress(const SocketAddress& address);  // empty if neither IPv4 nor IPv6
    // Returns the address of a udp endpoint with a literal address. Errors: errc::unsupported for any other
    // kind of endpoint, and for a name, which must be resolved before (Endpoint::resolve() blocks).
    [[nodiscard]] static Result<DatagramAddress> of(const Endpoint& endpoint);

    explicit operator bool() const noexcept { return size_ != 0; }  // not empty
    std::uint16_t port() const noexcept;                            // 0 if empty
    Endpoint endpoint() const;  // Kind::udp; allocates: for logs, not for each datagram
    SocketAddress address() const;
    std::size_t hash() const noexcept;
    friend bool operator==(const DatagramAddress& a, const DatagramAddress& b) noexcept;

private:
    friend struct detail::PeerAccess;

    alignas(4) std::array<std::byte, 28> name_{};  // a sockaddr_in or sockaddr_in6
    std::array<std::byte, 16> local_{};
    std::uint8_t size_ = 0, local_size_ = 0;
};

}  // namespace switchboard

template <>
struct std::hash<switchboard::DatagramAddress> {
    std::size_t operator()(const switchboard::DatagramAddress& peer) const noexcept {
        return peer.hash();
    }
};

// Who is at the other end of a datagram.
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

// An IPv4 or IPv6 address and port, as a value of 48 bytes that never allocates: for keys and queues.
// One that came with a datagram to a socket bound to "*" also remembers which local address was asked,
// and a reply to it leaves from there (RFC 1122, 4.1.3.5); that takes no part in comparisons. An
// IPv4-mapped address is the IPv4 one.
class DatagramPeer {
public:
    DatagramPeer() = default;  // nobody: for send(), the peer that the socket is connected to
    explicit DatagramPeer(const SocketAddress& address);  // nobody, if it is neither IPv4 nor IPv6
    // Of a udp endpoint with a literal address. A name fails with errc::unsupported and is to be
    // resolved before (Endpoint::resolve blocks); so does any other kind of endpoint.
    static Result<DatagramPeer> of(const Endpoint& endpoint);

    explicit operator bool() const noexcept { return size_ != 0; }
    std::uint16_t port() const noexcept;  // 0 for nobody
    Endpoint endpoint() const;            // Kind::udp; allocates: for logs, not for each datagram
    SocketAddress address() const;
    std::size_t hash() const noexcept;
    friend bool operator==(const DatagramPeer& a, const DatagramPeer& b) noexcept;

private:
    friend struct detail::PeerAccess;

    alignas(4) std::array<std::byte, 28> name_{};  // a sockaddr_in or sockaddr_in6
    std::array<std::byte, 16> local_{};
    std::uint8_t size_ = 0, local_size_ = 0;
};

}  // namespace switchboard

template <>
struct std::hash<switchboard::DatagramPeer> {
    std::size_t operator()(const switchboard::DatagramPeer& peer) const noexcept {
        return peer.hash();
    }
};

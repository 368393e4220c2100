// A DatagramPeer as system calls fill and read it. Private to core and the drivers.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <cstddef>
#include <cstring>
#include <switchboard/datagram_peer.hpp>

namespace switchboard::detail {

struct PeerAccess {
    static constexpr socklen_t kNameSize = sizeof(sockaddr_in6);

    static void* name(DatagramPeer& p) noexcept { return p.name_.data(); }
    static const void* name(const DatagramPeer& p) noexcept { return p.name_.data(); }
    static socklen_t size(const DatagramPeer& p) noexcept { return p.size_; }
    static int family(const DatagramPeer& p) noexcept {
        return reinterpret_cast<const sockaddr*>(p.name_.data())->sa_family;
    }
    // After a call wrote the name: other families than IPv4 and IPv6 are nobody.
    static void set_size(DatagramPeer& p, socklen_t size) noexcept {
        p.size_ = static_cast<std::uint8_t>(size <= kNameSize ? size : 0);
        p.local_size_ = 0;
    }

    static std::byte* local(DatagramPeer& p) noexcept { return p.local_.data(); }
    static const std::byte* local(const DatagramPeer& p) noexcept { return p.local_.data(); }
    static std::size_t local_size(const DatagramPeer& p) noexcept { return p.local_size_; }
    static void set_local_size(DatagramPeer& p, std::size_t size) noexcept {
        p.local_size_ = static_cast<std::uint8_t>(size);
    }

    static bool same_local(const DatagramPeer& a, const DatagramPeer& b) noexcept {
        return a.local_size_ == b.local_size_ &&
               std::memcmp(a.local_.data(), b.local_.data(), a.local_size_) == 0;
    }

    // An IPv6 socket names IPv4 peers by mapped addresses (RFC 4291, 2.5.5.2); nobody else does.
    static void unmap(DatagramPeer& p) noexcept;
    static void map(DatagramPeer& p) noexcept;
};

}  // namespace switchboard::detail

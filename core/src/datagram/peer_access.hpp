// Access to the bytes of a DatagramAddress for system calls. Private to core and the drivers.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <cstddef>
#include <cstring>
#include <switchboard/datagram_address.hpp>

namespace switchboard::detail {

struct PeerAccess {
    static constexpr socklen_t kNameSize = sizeof(sockaddr_in6);

    static void* name(DatagramAddress& p) noexcept { return p.name_.data(); }
    static const void* name(const DatagramAddress& p) noexcept { return p.name_.data(); }
    static socklen_t size(const DatagramAddress& p) noexcept { return p.size_; }
    static int family(const DatagramAddress& p) noexcept {
        return reinterpret_cast<const sockaddr*>(p.name_.data())->sa_family;
    }
    // Call it after a system call has written the name. An address that is neither IPv4 nor IPv6 becomes
    // empty.
    static void set_size(DatagramAddress& p, socklen_t size) noexcept {
        p.size_ = static_cast<std::uint8_t>(size <= kNameSize ? size : 0);
        p.local_size_ = 0;
    }

    static std::byte* local(DatagramAddress& p) noexcept { return p.local_.data(); }
    static const std::byte* local(const DatagramAddress& p) noexcept { return p.local_.data(); }
    static std::size_t local_size(const DatagramAddress& p) noexcept { return p.local_size_; }
    static void set_local_size(DatagramAddress& p, std::size_t size) noexcept {
        p.local_size_ = static_cast<std::uint8_t>(size);
    }

    static bool same_local(const DatagramAddress& a, const DatagramAddress& b) noexcept {
        return a.local_size_ == b.local_size_ &&
               std::memcmp(a.local_.data(), b.local_.data(), a.local_size_) == 0;
    }

    // An IPv6 socket uses IPv4-mapped addresses for IPv4 peers (RFC 4291, 2.5.5.2). Elsewhere addresses are
    // unmapped.
    static void unmap(DatagramAddress& p) noexcept;
    static void map(DatagramAddress& p) noexcept;
};

}  // namespace switchboard::detail

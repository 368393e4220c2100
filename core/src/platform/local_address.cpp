// Linux uses IP_PKTINFO. Other systems use IP_RECVDSTADDR, because macOS leaves ipi_spec_dst empty and
// NetBSD does not have it. IPv6 is the same everywhere (RFC 3542), but macOS requires a macro.
#if defined(__APPLE__)
#define __APPLE_USE_RFC_3542
#endif
#include <netinet/in.h>
#include <cstddef>

#include "control.hpp"
#include "platform.hpp"

namespace switchboard::platform {
namespace {

bool set_on(int socket, int level, int name) noexcept {
    const int on = 1;
    return ::setsockopt(socket, level, name, &on, sizeof on) == 0;
}

#if defined(__linux__)

bool want_ipv4(int socket) noexcept {
    return set_on(socket, IPPROTO_IP, IP_PKTINFO);
}

// Reads ipi_spec_dst and not ipi_addr, because a multicast group is not a valid source address for a reply.
std::size_t read_ipv4(const msghdr& header, std::byte* address) noexcept {
    const cmsghdr* const found = find_control(header, IPPROTO_IP, IP_PKTINFO);
    if (found == nullptr) return 0;
    const auto info = control_data<in_pktinfo>(*found);
    std::memcpy(address, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
    return sizeof info.ipi_spec_dst;
}

#else

bool want_ipv4(int socket) noexcept {
    return set_on(socket, IPPROTO_IP, IP_RECVDSTADDR);
}

std::size_t read_ipv4(const msghdr& header, std::byte* address) noexcept {
    const cmsghdr* const found = find_control(header, IPPROTO_IP, IP_RECVDSTADDR);
    if (found == nullptr) return 0;
    const auto local = control_data<in_addr>(*found);
    if (IN_MULTICAST(ntohl(local.s_addr))) return 0;
    std::memcpy(address, &local, sizeof local);
    return sizeof local;
}

#endif

#if defined(IP_SENDSRCADDR)  // the BSDs

void write_ipv4(msghdr& header, const std::byte* address) noexcept {
    in_addr local{};
    std::memcpy(&local, address, sizeof local);
    add_control(header, IPPROTO_IP, IP_SENDSRCADDR, local);
}

#else

void write_ipv4(msghdr& header, const std::byte* address) noexcept {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, address, sizeof info.ipi_spec_dst);
    add_control(header, IPPROTO_IP, IP_PKTINFO, info);
}

#endif

// Returns whether a reply can be sent from `local`. A socket for both families reports IPv4 addresses as
// mapped ones.
bool may_answer_from(const in6_addr& local) noexcept {
    const bool mapped_group = IN6_IS_ADDR_V4MAPPED(&local) && (local.s6_addr[12] & 0xF0) == 0xE0;
    return !IN6_IS_ADDR_MULTICAST(&local) && !mapped_group;
}

}  // namespace

int want_local_address(int socket, int family) noexcept {
    const bool wanted =
        family == AF_INET6 ? set_on(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO) : want_ipv4(socket);
    return wanted ? 0 : -1;
}

std::size_t read_local_address(const msghdr& header, std::byte* address) noexcept {
    if (header.msg_controllen == 0) return 0;
    const cmsghdr* const found = find_control(header, IPPROTO_IPV6, IPV6_PKTINFO);
    if (found == nullptr) return read_ipv4(header, address);
    const auto info = control_data<in6_pktinfo>(*found);
    if (!may_answer_from(info.ipi6_addr)) return 0;
    std::memcpy(address, &info.ipi6_addr, sizeof info.ipi6_addr);
    return sizeof info.ipi6_addr;
}

void write_local_address(msghdr& header, const std::byte* address, std::size_t size) noexcept {
    if (size == sizeof(in_addr)) return write_ipv4(header, address);
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, address, sizeof info.ipi6_addr);
    add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
}

}  // namespace switchboard::platform

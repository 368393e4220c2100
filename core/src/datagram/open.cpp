// Datagram sockets: binding, connecting and options.
#include <switchboard/bind_datagram.hpp>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <cerrno>
#include <cstring>

#include "net/connect_errors.hpp"
#include "net/socket_options.hpp"
#include "peer_access.hpp"
#include "platform/platform.hpp"

namespace switchboard {
namespace {

using detail::last_error;
using detail::set_option;
using Opened = tl::expected<Socket, std::error_code>;

constexpr int kOff = 0;

bool prepare(int fd, const DatagramOptions& options) {
    return (!options.reuse_address || platform::share_port(fd) == 0) &&
           (options.receive_buffer <= 0 ||
            set_option(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer)) &&
           (options.send_buffer <= 0 || set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer));
}

Opened open(const SocketAddress& address, const DatagramOptions& options) {
    Socket socket(
        platform::open_socket(address.family(), SOCK_DGRAM, options.blocking == Blocking::yes));
    if (!socket || !prepare(socket.fd(), options)) return tl::unexpected(last_error());
    return socket;
}

bool is_unspecified(const SocketAddress& address) {
    if (address.family() == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(
            &reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr);
    return reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr.s_addr == INADDR_ANY;
}

Opened bind_at(const SocketAddress& address, bool both_families, const DatagramOptions& options) {
    auto socket = open(address, options);
    if (!socket) return socket;
    const int fd = socket->fd();
    const bool bound =
        (address.family() != AF_INET6 ||
         set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, both_families ? kOff : 1)) &&
        (!is_unspecified(address) || platform::want_local_address(fd, address.family()) == 0) &&
        ::bind(fd, address.data(), address.size()) == 0;
    if (!bound) return tl::unexpected(last_error());
    return socket;
}

Opened connect_at(const SocketAddress& address, const DatagramOptions& options) {
    auto socket = open(address, options);
    if (socket && ::connect(socket->fd(), address.data(), address.size()) < 0)
        return tl::unexpected(last_error());
    // The system chose the peer's port for this socket, so no other process has it. The socket would talk to
    // itself.
    if (socket && detail::meets_itself(socket->fd()))
        return tl::unexpected(std::make_error_code(std::errc::connection_refused));
    return socket;
}

// Calls `attempt` for each address of `endpoint` until one succeeds.
template <class Attempt>
Result<Socket> first_of(const char* verb, const Endpoint& endpoint, Attempt attempt) {
    if (endpoint.kind() != Endpoint::Kind::udp)
        return fail(std::make_error_code(std::errc::wrong_protocol_type),
                    detail::attempt(verb, endpoint) + ": datagrams need a udp endpoint");
    const auto addresses = endpoint.resolve();
    if (!addresses) return fail(addresses.error(), detail::attempt(verb, endpoint));
    std::error_code error;
    const SocketAddress* tried = nullptr;
    for (const SocketAddress& address : *addresses) {
        auto socket = attempt(address);
        if (socket) return std::move(*socket);
        error = socket.error();
        tried = &address;
        // Like listen(): "*" must not be bound in one family only if the other family cannot have the port.
        if (endpoint.host() == "*" && error == std::errc::address_in_use) break;
    }
    return fail(error, detail::attempt(verb, endpoint, *tried));
}

Result<Socket> adopt(const Endpoint& endpoint, const DatagramOptions& options) {
    const int fd = endpoint.fd();
    const std::string tried = detail::attempt("bind", endpoint);
    const int type = detail::int_option(fd, SO_TYPE);
    if (type < 0) return fail_errno(tried);
    if (type != SOCK_DGRAM)
        return fail(std::make_error_code(std::errc::wrong_protocol_type),
                    tried + ": not a datagram socket");
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return fail_errno(tried);
    if (platform::set_blocking(fd, options.blocking == Blocking::yes) < 0) return fail_errno(tried);
    if (!prepare(fd, options)) return fail_errno(tried);
    return Socket(fd);
}

int family_of(const Socket& socket) {
    SocketAddress name;
    if (::getsockname(socket.fd(), name.data(), name.capacity()) < 0) return AF_UNSPEC;
    return name.family();
}

struct OptionRow {
    const char* name;
    int least, most;
    int level4, name4;
    int level6, name6;
};
constexpr OptionRow kOptions[] = {
    {"ttl", 1, 255, IPPROTO_IP, IP_TTL, IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {"multicast_ttl", 0, 255, IPPROTO_IP, IP_MULTICAST_TTL, IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {"multicast_loop", 0, 1, IPPROTO_IP, IP_MULTICAST_LOOP, IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    {"broadcast", 0, 1, SOL_SOCKET, SO_BROADCAST, SOL_SOCKET, SO_BROADCAST},
};

// A socket for both families has the options of both. BSD takes the multicast options of IPv4 only as a
// byte, while Linux also takes an int.
bool set_for(int fd, int family, const OptionRow& row, int value) {
    if (family == AF_INET6 && !set_option(fd, row.level6, row.name6, value)) return false;
    const auto byte = static_cast<unsigned char>(value);
    const bool is_byte = row.name4 == IP_MULTICAST_TTL || row.name4 == IP_MULTICAST_LOOP;
    const bool done = row.level4 == IPPROTO_IP && is_byte
                          ? ::setsockopt(fd, row.level4, row.name4, &byte, sizeof byte) == 0
                          : set_option(fd, row.level4, row.name4, value);
    return done || family == AF_INET6;
}

Result<void> change_group(const Socket& socket, const DatagramAddress& group, int action,
                          const std::string& interface, const char* verb) {
    const std::string tried = std::string(verb) + " " + group.endpoint().to_string() +
                              (interface.empty() ? "" : " on " + interface);
    if (!group)
        return fail(std::make_error_code(std::errc::invalid_argument),
                    std::string(verb) + " an empty address");
    group_req request{};
    request.gr_interface = interface.empty() ? 0 : ::if_nametoindex(interface.c_str());
    if (!interface.empty() && request.gr_interface == 0) return fail_errno(tried);
    const SocketAddress address = group.address();
    std::memcpy(&request.gr_group, address.data(), address.size());
    const int level = address.family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    if (::setsockopt(socket.fd(), level, action, &request, sizeof request) == 0) return {};
    return fail_errno(tried);
}

}  // namespace

Result<Socket> bind_datagram(const Endpoint& endpoint, const DatagramOptions& options) {
    if (endpoint.kind() == Endpoint::Kind::descriptor) return adopt(endpoint, options);
    const bool any = endpoint.host() == "*";
    return first_of("bind", endpoint,
                    [&](const SocketAddress& address) { return bind_at(address, any, options); });
}

Result<Socket> connect_datagram(const Endpoint& peer, const DatagramOptions& options) {
    return first_of("connect", peer,
                    [&](const SocketAddress& address) { return connect_at(address, options); });
}

Result<void> set_option(const Socket& socket, DatagramOption option, int value) {
    const OptionRow& row = kOptions[static_cast<std::size_t>(option)];
    const std::string tried = "set " + std::string(row.name) + " to " + std::to_string(value);
    if (value < row.least || value > row.most) return fail(errc::bad_option, tried);
    if (set_for(socket.fd(), family_of(socket), row, value)) return {};
    return fail_errno(tried);
}

Result<void> join_group(const Socket& socket, const DatagramAddress& group,
                        const std::string& interface) {
    return change_group(socket, group, MCAST_JOIN_GROUP, interface, "join");
}

Result<void> leave_group(const Socket& socket, const DatagramAddress& group,
                         const std::string& interface) {
    return change_group(socket, group, MCAST_LEAVE_GROUP, interface, "leave");
}

}  // namespace switchboard

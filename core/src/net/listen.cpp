#include <switchboard/socket.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>

#include "accept.hpp"
#include "connect_errors.hpp"
#include "platform/platform.hpp"
#include "socket_options.hpp"

namespace switchboard {
namespace {

using detail::last_error;
using detail::set_option;

bool is_any(const Endpoint& endpoint) {
    return endpoint.kind() == Endpoint::Kind::tcp && endpoint.host() == "*";
}

// Accepted sockets inherit TCP_NODELAY from the listener, so it takes no call per connection.
bool prepare(int fd, int family, bool both_families, const SocketOptions& options) {
    if (!detail::is_inet(family)) return true;
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR, options.reuse_address) &&
           (!options.reuse_port || set_option(fd, SOL_SOCKET, SO_REUSEPORT, true)) &&
           set_option(fd, IPPROTO_TCP, TCP_NODELAY, options.no_delay) &&
           (family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both_families));
}

// Returns whether the socket at that path refuses connects: its listener has ended and left the path behind.
bool is_stale(const SocketAddress& address) {
    struct stat status {};
    const char* path = reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
    if (::lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode)) return false;
    const Socket probe(platform::open_socket(AF_UNIX, SOCK_STREAM, false));
    return probe && ::connect(probe.fd(), address.data(), address.size()) < 0 &&
           errno == ECONNREFUSED;
}

// Called before listen(2), so no process can connect yet.
bool set_path_mode(const SocketAddress& address, const SocketOptions& options) {
    const char* path = reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
    if (address.family() != AF_UNIX || path[0] == '\0' || !options.path_mode) return true;
    return ::chmod(path, *options.path_mode) == 0;
}

bool bind_to(int fd, const SocketAddress& address) {
    if (::bind(fd, address.data(), address.size()) == 0) return true;
    if (errno != EADDRINUSE || address.family() != AF_UNIX) return false;
    const bool removed =
        is_stale(address) &&
        ::unlink(reinterpret_cast<const sockaddr_un*>(address.data())->sun_path) == 0;
    if (removed) return ::bind(fd, address.data(), address.size()) == 0;
    errno = EADDRINUSE;
    return false;
}

tl::expected<Socket, std::error_code> listen_at(const SocketAddress& address, bool both_families,
                                                const SocketOptions& options) {
    Socket socket(
        platform::open_socket(address.family(), SOCK_STREAM, options.blocking == Blocking::yes));
    const bool listening = socket &&
                           prepare(socket.fd(), address.family(), both_families, options) &&
                           bind_to(socket.fd(), address) && set_path_mode(address, options) &&
                           ::listen(socket.fd(), options.backlog) == 0;
    if (!listening) return tl::unexpected(last_error());
    return socket;
}

// "*" means both families if the system has both. If one family cannot have the port, binding only the other
// would hide the error. So IPv4 alone is tried only if the system has no IPv6.
bool is_final(std::error_code error, bool any) {
    return any && (error == std::errc::address_in_use || error == std::errc::permission_denied);
}

Result<Socket> listen_first(const std::vector<SocketAddress>& addresses, const Endpoint& endpoint,
                            const SocketOptions& options) {
    const bool any = is_any(endpoint);
    std::error_code error;
    const SocketAddress* tried = nullptr;
    for (const SocketAddress& address : addresses) {
        auto socket = listen_at(address, any, options);
        if (socket) return std::move(*socket);
        error = socket.error();
        tried = &address;
        if (is_final(error, any)) break;
    }
    return fail(error, detail::attempt("listen", endpoint, *tried));
}

// Takes ownership: the descriptor is made close-on-exec, and the options are applied.
Result<Socket> adopt(const Endpoint& endpoint, const SocketOptions& options) {
    const int fd = endpoint.fd();
    const std::string tried = detail::attempt("listen", endpoint);
    if (const auto good = detail::check_listener(fd, tried); !good)
        return tl::unexpected(good.error());
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return fail_errno(tried);
    if (platform::set_blocking(fd, options.blocking == Blocking::yes) < 0) return fail_errno(tried);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, options.no_delay);  // fails if it is not TCP
    return Socket(fd);
}

}  // namespace

Result<void> detail::check_listener(int fd, const std::string& tried) {
    const int type = int_option(fd, SO_TYPE);
    if (type < 0) return fail_errno(tried);
    if (type != SOCK_STREAM)
        return fail(std::make_error_code(std::errc::wrong_protocol_type),
                    tried + ": not a stream socket");
    const int listening = int_option(fd, SO_ACCEPTCONN);
    if (listening < 0) return fail_errno(tried);
    if (listening == 0)
        return fail(std::make_error_code(std::errc::invalid_argument),
                    tried + ": the socket does not listen");
    return {};
}

Result<Socket> listen(const Endpoint& endpoint, const SocketOptions& options) {
    if (endpoint.kind() == Endpoint::Kind::descriptor) return adopt(endpoint, options);
    if (endpoint.kind() == Endpoint::Kind::udp) return detail::not_a_stream("listen", endpoint);
    if (options.reuse_port && !platform::kReusePortSpreads)
        return fail(errc::unsupported, detail::attempt("listen", endpoint) + ": share the port");
    const auto addresses = endpoint.resolve();
    if (!addresses) return fail(addresses.error(), detail::attempt("listen", endpoint));
    return listen_first(*addresses, endpoint, options);
}

Result<Endpoint> bound_endpoint(const Socket& listener, const Endpoint& asked) {
    auto local = listener.local();
    if (!local || asked.kind() == Endpoint::Kind::descriptor) return local;
    return asked.with_port(local->port());
}

}  // namespace switchboard

#include <switchboard/socket.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>

#include "attempt.hpp"
#include "options.hpp"
#include "platform/platform.hpp"

namespace switchboard {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Until = std::optional<steady_clock::time_point>;  // none: as long as the system waits
using Connected = tl::expected<Socket, std::error_code>;

// Rounded up, so that a wait of what is left does not end early and spin.
milliseconds left_until(steady_clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    return std::max(left, milliseconds(0));
}

// poll(2) counts its wait in an int.
Until deadline_after(milliseconds timeout) {
    if (timeout.count() <= 0) return std::nullopt;
    return steady_clock::now() + std::min(timeout, milliseconds(std::numeric_limits<int>::max()));
}

// One address that answers nothing must leave time for those after it: each has an equal share of
// what is left.
Until share_of(Until until, std::size_t addresses) {
    if (!until) return until;
    const auto now = steady_clock::now();
    return now + (*until - now) / static_cast<steady_clock::rep>(addresses);
}

bool writable_by(int fd, Until until) {
    pollfd entry{fd, POLLOUT, 0};
    int ready = 0;
    do ready = ::poll(&entry, 1, until ? static_cast<int>(left_until(*until).count()) : -1);
    while (ready < 0 && errno == EINTR);
    return ready != 0;  // an error of poll shows in the socket, too
}

Connected start(const SocketAddress& address, const SocketOptions& options) {
    Socket socket(platform::open_socket(address.family(), SOCK_STREAM, false));
    if (!socket) return tl::unexpected(detail::last_error());
    if (detail::is_inet(address.family()))
        detail::set_option(socket.fd(), IPPROTO_TCP, TCP_NODELAY, options.no_delay);
    const bool under_way = ::connect(socket.fd(), address.data(), address.size()) == 0 ||
                           errno == EINPROGRESS || errno == EINTR;
    if (!under_way) return tl::unexpected(detail::last_error());
    return socket;
}

// A full queue of a unix listener can be waited for in a blocking connect only: a non-blocking one
// fails with EAGAIN, and nothing tells when to try again. SO_SNDTIMEO bounds it (man 7 socket).
Connected connect_unix(const SocketAddress& address, Until until) {
    Socket socket(platform::open_socket(AF_UNIX, SOCK_STREAM, true));
    if (!socket) return tl::unexpected(detail::last_error());
    do {
        const milliseconds left = until ? left_until(*until) : milliseconds(0);
        if (until && left.count() == 0)
            return tl::unexpected<std::error_code>(errc::connect_timed_out);
        if (!socket.set_timeouts({}, left)) return tl::unexpected(detail::last_error());
        if (::connect(socket.fd(), address.data(), address.size()) == 0) {
            socket.set_timeouts({}, {});
            return socket;
        }
    } while (errno == EINTR);
    if (errno == EAGAIN) return tl::unexpected<std::error_code>(errc::connect_timed_out);
    return tl::unexpected(detail::last_error());
}

Connected connect_inet(const SocketAddress& address, Until until, const SocketOptions& options) {
    auto socket = start(address, options);
    if (!socket) return socket;
    if (!writable_by(socket->fd(), until))
        return tl::unexpected<std::error_code>(errc::connect_timed_out);
    if (const auto error = socket->take_error()) return tl::unexpected(error);
    return socket;
}

Connected connect_to(const SocketAddress& address, Until until, const SocketOptions& options) {
    auto socket = address.family() == AF_UNIX ? connect_unix(address, until)
                                              : connect_inet(address, until, options);
    if (!socket) return socket;
    if (const auto set = socket->set_blocking(options.blocking); !set)
        return tl::unexpected(set.error().code());
    return socket;
}

}  // namespace

Result<Socket> connect(const Endpoint& endpoint, milliseconds timeout,
                       const SocketOptions& options) {
    if (endpoint.kind() == Endpoint::Kind::udp) return detail::not_a_stream("connect", endpoint);
    const auto addresses = endpoint.resolve();
    if (!addresses) return fail(addresses.error(), detail::attempt("connect", endpoint));
    const Until until = deadline_after(timeout);
    std::error_code error;
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        const Until share = share_of(until, addresses->size() - i);
        auto socket = connect_to((*addresses)[i], share, options);
        if (socket) return std::move(*socket);
        error = socket.error();
    }
    return fail(error, detail::attempt("connect", endpoint, addresses->back()));
}

Result<Socket> start_connect(const SocketAddress& address, const SocketOptions& options) {
    auto socket = start(address, options);
    if (socket) return std::move(*socket);
    return fail(socket.error(), detail::attempt("connect", Endpoint::from(address)));
}

}  // namespace switchboard

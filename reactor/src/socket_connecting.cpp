// How a connection of the reactor comes to be: accepted, or connected to one address after another.
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "dispatch.hpp"
#include "loop.hpp"
#include "socket_connection.hpp"

namespace switchboard::detail {
namespace {

// How an IPv4 peer shows on a listener for both families (RFC 4291, 2.5.5.2).
bool is_mapped_ipv4(const SocketAddress& address) {
    if (address.family() != AF_INET6) return false;
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address.data(), sizeof ipv6);
    return IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr);
}

}  // namespace

// Hands the socket to libuv, which makes it non-blocking.
std::error_code SocketConnection::watch(Socket socket) {
    fd_ = socket.release();
    if (const int error = uv_poll_init(loop().uv(), &poll, fd_)) {
        return std::error_code(-error, std::system_category());
    }
    set(kWatched);
    loop().handle_opened();
    return {};
}

void SocketConnection::on_handle_closed(uv_handle_t* handle) {
    SocketConnection& self = of(reinterpret_cast<PollHandle*>(handle));
    Loop& loop = self.loop();
    if (self.has(kClosed)) {
        loop.connections.destroy(self.slot_index_);
    } else {
        self.clear(kRetrying);
        self.try_next_address();
    }
    loop.handle_closed();
}

void SocketConnection::accept(Socket socket, const SocketAddress& peer) {
    remember_peer(peer);
    if (const auto error = watch(std::move(socket))) return finish(error);
    open();
}

void SocketConnection::open() {
    set(kOpen);
    dispatch(loop(), [&] { slot_.open(*this); });
    attend();
}

void SocketConnection::connect(std::vector<SocketAddress> addresses) {
    Cold& c = cold();
    c.addresses = std::move(addresses);
    if (const auto timeout = origin_.limits.connect_timeout; timeout.count() > 0) {
        if (c.ends_at == Clock::time_point::max()) c.ends_at = Loop::in(timeout);
        schedule(c.ends_at);
    }
    if (!c.addresses.empty()) try_next_address();
}

void SocketConnection::try_next_address() {
    Cold& c = cold();
    std::error_code error = c.reason;
    while (c.next_address < c.addresses.size()) {
        const SocketAddress address = c.addresses[c.next_address++];
        auto socket = start_connect(address);
        if (!socket) {
            error = socket.error();
            continue;
        }
        remember_peer(address);
        error = watch(std::move(*socket));
        if (!error) {
            share_time();
            return update_interest();
        }
        ::close(std::exchange(fd_, -1));
    }
    connect_failed(error);
}

// An address that answers nothing must leave time for those after it: each has an equal share of
// what is left, as in the blocking connect.
void SocketConnection::share_time() {
    Cold& c = cold();
    if (c.ends_at == Clock::time_point::max()) return;
    const auto shares = static_cast<Clock::rep>(c.addresses.size() - c.next_address + 1);
    const auto now = Clock::now();
    c.stalled_at = now + (c.ends_at - now) / shares;
    schedule(c.stalled_at);
}

void SocketConnection::connect_failed(std::error_code reason) {
    broken(reason);
    at_end_of_turn(0);
}

void SocketConnection::connect_ended(std::error_code result) {
    Cold& c = cold();
    c.stalled_at = Clock::time_point::max();
    if (!result) {
        ++loop().stats.connected;
        c.ends_at = Clock::time_point::max();
        c.reason = {};  // that of an address before
        c.addresses = {};
        return open();
    }
    if (c.next_address == c.addresses.size()) {
        broken(result);
        return attend();
    }
    c.reason = result;
    interest_ = 0;
    clear(kWatched);
    set(kRetrying);
    uv_close(handle(), on_handle_closed);
    ::close(std::exchange(fd_, -1));
}

void SocketConnection::remember_peer(const SocketAddress& peer) {
    if (peer.family() == AF_INET) {
        sockaddr_in address;
        std::memcpy(&address, peer.data(), sizeof address);
        peer_ip_ = address.sin_addr.s_addr;
        peer_port_ = address.sin_port;
    } else if (is_mapped_ipv4(peer)) {
        sockaddr_in6 address;
        std::memcpy(&address, peer.data(), sizeof address);
        std::memcpy(&peer_ip_, address.sin6_addr.s6_addr + 12, sizeof peer_ip_);
        peer_port_ = address.sin6_port;
    } else {
        cold().peer = Endpoint::from(peer);
    }
}

const Endpoint& SocketConnection::peer() const {
    Endpoint& peer = cold().peer;
    if (peer.kind() == Endpoint::Kind::none) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = peer_ip_;
        address.sin_port = peer_port_;
        peer = Endpoint::from(SocketAddress(reinterpret_cast<sockaddr*>(&address), sizeof address));
    }
    return peer;
}

const Endpoint& SocketConnection::local() const {
    Endpoint& local = cold().local;
    SocketAddress address;
    if (local.kind() == Endpoint::Kind::none &&
        ::getsockname(fd_, address.data(), address.capacity()) == 0) {
        local = Endpoint::from(address);
    }
    return local;
}

}  // namespace switchboard::detail

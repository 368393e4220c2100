// How a connection of the reactor comes to be: accepted, or connected.
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "connecting.hpp"
#include "loop.hpp"
#include "platform/probes.hpp"
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

const Endpoint nameless;

}  // namespace

// For input from the start, as that is what nearly all want.
std::error_code SocketConnection::watch(Socket socket) {
    fd_ = socket.release();
    interest_ = UV_READABLE;
    return loop().watches.start(fd_, UV_READABLE, on_poll, this);
}

void SocketConnection::accept(Socket socket, const SocketAddress& peer) try {
    remember_peer(peer);
    if (const auto error = watch(std::move(socket))) return end(error, false);
    open();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

void SocketConnection::open() {
    platform::probe_open(fd_, number_, origin_.connect == nullptr);
    opened();
    if (loop().draining) stop();
}

void SocketConnection::connect(const Endpoint& endpoint) {
    Cold& c = cold();
    c.connecting = std::make_unique<Connecting>(*this, loop(), endpoint, *origin_.connect);
    c.connect_by = in(origin_.limits.connect_timeout);
    arm(c.connect_by);
}

Connecting& SocketConnection::connecting() const {
    return *cold().connecting;
}

void SocketConnection::schedule_attempt() {
    arm(connecting().due());
}

// Acted on at the end of the turn: this may be within the call that asked for it.
void SocketConnection::connect_failed() {
    lost(connecting().error());
    at_end_of_turn(0);
}

void SocketConnection::expire_connect(Clock::time_point now) {
    if (connecting().ask() || !is(Phase::connecting)) return;
    if (connecting().due() <= now) connecting().proceed();
    if (!is(Phase::connecting)) return;
    if (cold().connect_by <= now) return end(errc::connect_timed_out, true);
    arm(std::min(cold().connect_by, connecting().due()));
}

void SocketConnection::connected(Socket socket, const SocketAddress& peer) {
    cold().connecting.reset();
    remember_peer(peer);
    if (const auto error = watch(std::move(socket))) return end(error, false);
    ++loop().stats.connected;
    if (const auto& hook = origin_.connect->on_connected) {
        loop().guarded("on_connected", [&] { hook(id()); });
    }
    if (!is_closed()) open();
}

// How it ended, in words for who connected; without memory for them, the reason alone.
Error SocketConnection::ending(std::error_code reason) const try {
    if (rare_ && cold().connecting) {
        const Connecting& c = *cold().connecting;
        if (c.error().code() == reason) return c.error();
        if (reason == errc::connect_timed_out) return c.timed_out();
    }
    return {reason, (slot_.is_open() ? "" : "connect ") + origin_.name};
} catch (const std::bad_alloc&) {
    return reason;
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

// Most peers are two numbers until somebody asks for them.
Endpoint SocketConnection::made_peer() const {
    if (rare_ && cold().peer.kind() != Endpoint::Kind::none) return cold().peer;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = peer_ip_;
    address.sin_port = peer_port_;
    return Endpoint::from(SocketAddress(reinterpret_cast<sockaddr*>(&address), sizeof address));
}

// Without memory for the text a connection has no name.
const Endpoint& SocketConnection::peer() const try {
    Endpoint& peer = cold().peer;
    if (peer.kind() == Endpoint::Kind::none) peer = made_peer();
    return peer;
} catch (const std::bad_alloc&) {
    return nameless;
}

const Endpoint& SocketConnection::local() const try {
    Endpoint& local = cold().local;
    SocketAddress address;
    if (local.kind() == Endpoint::Kind::none &&
        ::getsockname(fd_, address.data(), address.capacity()) == 0) {
        local = Endpoint::from(address);
    }
    return local;
} catch (const std::bad_alloc&) {
    return nameless;
}

}  // namespace switchboard::detail

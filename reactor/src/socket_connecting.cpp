// How a connection of the reactor comes to be: accepted, or connected.
#include <algorithm>
#include <utility>

#include "connecting.hpp"
#include "loop.hpp"
#include "named.hpp"
#include "platform/probes.hpp"
#include "socket_connection.hpp"

namespace switchboard::detail {

// Watches the socket for input at once, as nearly all handlers want it. False if the connection has ended.
bool SocketConnection::take_over(Socket socket, const SocketAddress& peer) {
    const auto ipv4 = Ipv4Peer::of(peer);
    if (!ipv4) cold().peer = Endpoint::from(peer);
    peer_ip_ = ipv4 ? ipv4->ip : 0;
    peer_port_ = ipv4 ? ipv4->port : std::uint16_t{0};
    fd_ = socket.release();
    interest_ = UV_READABLE;
    const auto error = loop().watches.start(fd_, UV_READABLE, on_poll, this);
    if (error) end(error, false);
    return !error;
}

void SocketConnection::accept(Socket socket, const SocketAddress& peer) try {
    if (take_over(std::move(socket), peer)) open();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

void SocketConnection::open() {
    platform::probe_open(fd_, number_, origin_.connect == nullptr);
    opened();
    if (loop().draining) stop();
}

void SocketConnection::connect(const Endpoint& endpoint) {
    const auto until = in(origin_.limits.connect_timeout);
    cold().connecting =
        std::make_unique<Connecting>(*this, loop(), endpoint, *origin_.connect, until);
    arm(until);
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

void SocketConnection::connected(Socket socket, const SocketAddress& peer) try {
    cold().connecting.reset();
    if (!take_over(std::move(socket), peer)) return;
    ++loop().stats.connected;
    if (const auto& hook = origin_.connect->on_connected) {
        loop().guarded("on_connected", [&] { hook(id()); });
    }
    if (!is_closed()) open();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

// The error for on_ended, with a text. Without memory for the text it is the code alone.
Error SocketConnection::ending(std::error_code reason) const noexcept try {
    const Connecting* const c = rare_ ? cold().connecting.get() : nullptr;
    if (c != nullptr && c->error().code() == reason) return c->error();
    return {reason, (slot_.is_open() ? "" : "connect ") + origin_.name};
} catch (const std::bad_alloc&) {
    return reason;
}

Endpoint SocketConnection::made_peer() const {
    if (rare_ && cold().peer.kind() != Endpoint::Kind::none) return cold().peer;
    return Ipv4Peer{peer_ip_, peer_port_}.endpoint();
}

const Endpoint& SocketConnection::peer() const {
    return named([this]() -> Endpoint& { return cold().peer; }, [this] { return made_peer(); });
}

const Endpoint& SocketConnection::local() const {
    return named([this]() -> Endpoint& { return cold().local; },
                 [this] { return Endpoint::from(address_of(fd_, ::getsockname)); });
}

}  // namespace switchboard::detail

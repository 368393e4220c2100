// How a connection of the reactor is opened: by accept or by connect.
#include <algorithm>
#include <utility>

#include "connecting.hpp"
#include "loop/loop.hpp"
#include "platform/probes.hpp"
#include "socket_connection.hpp"
#include "stream/named.hpp"

namespace switchboard::detail {

// Watches the socket for input at once, because nearly all handlers want it. Returns false if the connection
// has ended.
bool SocketConnection::take_over(Socket socket, const SocketAddress& peer) {
    const auto ipv4 = Ipv4Peer::of(peer);
    if (!ipv4) rare_state().peer = Endpoint::from(peer);
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
    platform::probe_open(fd_, number_, group_.connect == nullptr);
    opened();
    if (loop().draining) stop();
}

void SocketConnection::connect(const Endpoint& endpoint) {
    const auto until = in(group_.limits.connect_timeout);
    rare_state().connecting =
        std::make_unique<Connecting>(*this, loop(), endpoint, *group_.connect, until);
    arm(until);
}

Connecting& SocketConnection::connecting() const {
    return *rare_state().connecting;
}

void SocketConnection::schedule_attempt() {
    arm(connecting().due());
}

// Takes effect at the end of the turn, because this may run within connect().
void SocketConnection::connect_failed() {
    lost(connecting().error());
    at_end_of_turn(0);
}

void SocketConnection::connected(Socket socket, const SocketAddress& peer) try {
    rare_state().connecting.reset();
    if (!take_over(std::move(socket), peer)) return;
    ++loop().stats.connected;
    if (const auto& hook = group_.connect->on_connected) {
        loop().guarded("on_connected", [&] { hook(id()); });
    }
    if (!is_closed()) open();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

// Returns the error for on_ended, with a text. If there is no memory for the text, returns the code alone.
Error SocketConnection::ending(std::error_code reason) const noexcept try {
    const Connecting* const c = rare_ ? rare_state().connecting.get() : nullptr;
    if (c != nullptr && c->error().code() == reason) return c->error();
    return {reason, (runner_.is_open() ? "" : "connect ") + group_.name};
} catch (const std::bad_alloc&) {
    return reason;
}

Endpoint SocketConnection::made_peer() const {
    if (rare_ && rare_state().peer.kind() != Endpoint::Kind::none) return rare_state().peer;
    return Ipv4Peer{peer_ip_, peer_port_}.endpoint();
}

const Endpoint& SocketConnection::peer() const {
    return named([this]() -> Endpoint& { return rare_state().peer; },
                 [this] { return made_peer(); });
}

const Endpoint& SocketConnection::local() const {
    return named([this]() -> Endpoint& { return rare_state().local; },
                 [this] { return Endpoint::from(address_of(fd_, ::getsockname)); });
}

}  // namespace switchboard::detail

// Datagram sockets on a reactor.
#pragma once

#include <switchboard/bind_datagram.hpp>
#include <switchboard/reactor.hpp>

namespace switchboard {

struct BindOptions {
    DatagramLimits limits = {};
    DatagramOptions socket = {};  // `blocking` is ignored
};

using DatagramId = Id<struct DatagramTag>;

struct DatagramBound {
    DatagramId id;
    Endpoint local;  // with the real port; for a connected socket also the address it sends from
};

// Threading: the reactor's thread only. Set-up errors are returned at once. on_open is called from within
// run(), like every callback. Ownership: the reactor owns the socket and the protocol, and ends them with
// errc::stopping when it drains or is destroyed. A drain flushes the queue first (close_timeout); the
// destructor does not.
//
// Datagrams are received in batches (recvmmsg), at most read_budget bytes or 512 datagrams per turn and
// socket. What a callback sends leaves when the callback returns; what is sent at other times leaves at the
// end of the turn (sendmmsg). Consecutive datagrams of one size to one peer pass through the kernel as one
// message if the kernel supports it (GSO, GRO). If the socket takes no more, datagrams are queued until it
// does. An error does not end the socket; it is reported to on_error.
//
// bind_datagram() looks up a name, which blocks, as listen() does. connect_datagram() takes literal
// addresses only, because it may be called while connections are served: for a name it fails with
// errc::unsupported. Use resolve() (resolver.hpp) and connect to DatagramAddress(address).endpoint().
[[nodiscard]] Result<DatagramBound> bind_datagram(
    Reactor& reactor, const Endpoint& endpoint, std::unique_ptr<DatagramProtocol> protocol,
    const BindOptions& options = {}, SourceLocation location = SourceLocation::current());
[[nodiscard]] Result<DatagramBound> connect_datagram(
    Reactor& reactor, const Endpoint& peer, std::unique_ptr<DatagramProtocol> protocol,
    const BindOptions& options = {}, SourceLocation location = SourceLocation::current());
// Returns the socket, to send from outside its callbacks. Null before on_open and after on_close.
DatagramSocket* find_datagram(Reactor& reactor, DatagramId id) noexcept;

}  // namespace switchboard

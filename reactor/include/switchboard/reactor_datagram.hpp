// Datagram sockets on a reactor.
#pragma once

#include <switchboard/datagram_socket.hpp>
#include <switchboard/reactor.hpp>

namespace switchboard {

struct BindOptions {
    Limits limits =
        {};  // high_water, low_water, max_queued, max_datagram, read_budget, close_timeout
             // and write_stall_timeout apply
    DatagramOptions socket = {};  // `blocking` is not asked
};

// Names a datagram socket of a reactor; never used again. A default one names nothing.
struct DatagramId {
    std::uint64_t value = 0;
    friend bool operator==(const DatagramId&, const DatagramId&) = default;
};

struct DatagramBound {
    DatagramId id;
    Endpoint local;  // with the real port; of a connected socket, with the address it sends from
};

// All of these are for the reactor's thread alone. Set-up errors come at once; on_open comes from
// within run(), like every callback. The reactor owns socket and protocol and ends them with
// errc::stopping when it is destroyed or drained: what waits is flushed first (close_timeout), but not
// in the destructor.
//
// Received in batches (recvmmsg), at most read_budget bytes or 512 datagrams a turn and socket. What a
// callback sends leaves when it returns, and what is sent at other times at the end of the turn
// (sendmmsg). Equal datagrams in a row to one peer cross the kernel as one where it can (GSO, GRO).
// A socket that takes no more is waited for; no error costs the socket, on_error tells it.
//
// bind looks a name up, which blocks, as listen() does. connect takes a literal address only, for it
// may be called while others are served: a name fails with errc::unsupported. resolve() it (resolver.hpp)
// and connect to DatagramPeer(address).endpoint().
Result<DatagramBound> bind_datagram(Reactor& reactor, const Endpoint& endpoint,
                                    std::unique_ptr<DatagramProtocol> protocol,
                                    const BindOptions& options = {}, Site made = Site::current());
Result<DatagramBound> connect_datagram(Reactor& reactor, const Endpoint& peer,
                                       std::unique_ptr<DatagramProtocol> protocol,
                                       const BindOptions& options = {},
                                       Site made = Site::current());
// For sends from outside its callbacks. Null before on_open and once it is closed.
DatagramSocket* find_datagram(Reactor& reactor, DatagramId id) noexcept;

}  // namespace switchboard

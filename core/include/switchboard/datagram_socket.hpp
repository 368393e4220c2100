// Datagram sockets: made ready in one call, like listen() and connect() of socket.hpp.
#pragma once

#include <switchboard/datagram.hpp>
#include <switchboard/socket.hpp>

namespace switchboard {

struct DatagramOptions {
    Blocking blocking = Blocking::yes;
    // SO_REUSEADDR (BSD, macOS: SO_REUSEPORT, too): several sockets may have the port, each gets what is
    // sent to a group, and one of them what is sent to one address. For multicast; else it lets others
    // take your datagrams.
    bool reuse_address = false;
    int receive_buffer = 0;  // SO_RCVBUF and SO_SNDBUF in bytes; 0: as the system has it, which
    int send_buffer = 0;     // bounds them (man 7 socket)
};

// A datagram socket bound to a udp endpoint: options and bind as one Result. "*" is IPv6 and IPv4, or
// IPv4 where there is no IPv6; "[::]" is IPv6 alone; a name is bound to the first of its addresses that
// can be. "fd:N" takes over N, which must be a datagram socket. Names are looked up, which may block.
// bound_endpoint() tells the real port.
Result<Socket> bind_datagram(const Endpoint& endpoint, const DatagramOptions& options = {});

// One that sends to and receives from that peer alone and hears of ICMP errors (man 7 udp). Nothing is
// sent by it: that it succeeds does not say that somebody is there. A name is connected to the first of
// its addresses that there is a route to.
Result<Socket> connect_datagram(const Endpoint& peer, const DatagramOptions& options = {});

// What DatagramSocket::set(), join() and leave() do, for a socket of one's own.
Result<void> set_option(const Socket& socket, DatagramOption option, int value);
Result<void> join_group(const Socket& socket, const DatagramPeer& group,
                        const std::string& interface = {});
Result<void> leave_group(const Socket& socket, const DatagramPeer& group,
                         const std::string& interface = {});

}  // namespace switchboard

// Datagram sockets: opened and set up in one call, like listen() and connect() of socket.hpp.
#pragma once

#include <switchboard/datagram.hpp>
#include <switchboard/socket.hpp>

namespace switchboard {

struct DatagramOptions {
    Blocking blocking = Blocking::yes;
    // SO_REUSEADDR (on BSD and macOS also SO_REUSEPORT): several sockets may bind to the port. Each of them
    // gets a datagram that is sent to a group, but only one gets a datagram sent to a single address. Meant
    // for multicast; otherwise it lets other processes take your datagrams.
    bool reuse_address = false;
    // SO_RCVBUF and SO_SNDBUF in bytes, limited by the system (man 7 socket). 0: the system's default.
    int receive_buffer = 0;
    int send_buffer = 0;
};

// Returns a datagram socket bound to a udp endpoint: sets the options and binds. "*" is IPv6 and IPv4, or
// IPv4 alone if the system has no IPv6; "[::]" is IPv6 alone. A name is bound to the first of its addresses
// that can be bound; looking it up may block. "fd:N" takes ownership of N, which must be a datagram socket.
// bound_endpoint() returns the real port.
[[nodiscard]] Result<Socket> bind_datagram(const Endpoint& endpoint,
                                           const DatagramOptions& options = {});

// Returns a socket that sends to and receives from that peer only, and that gets ICMP errors (man 7 udp). The
// call sends nothing, so success does not mean that a process listens there. A name is connected to the first
// of its addresses that has a route.
[[nodiscard]] Result<Socket> connect_datagram(const Endpoint& peer,
                                              const DatagramOptions& options = {});

// The same as DatagramSocket::set(), join() and leave(), for a socket without a driver.
[[nodiscard]] Result<void> set_option(const Socket& socket, DatagramOption option, int value);
[[nodiscard]] Result<void> join_group(const Socket& socket, const DatagramAddress& group,
                                      const std::string& interface = {});
[[nodiscard]] Result<void> leave_group(const Socket& socket, const DatagramAddress& group,
                                       const std::string& interface = {});

}  // namespace switchboard

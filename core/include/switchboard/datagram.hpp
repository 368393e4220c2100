// Datagrams: what a handler sees of a UDP socket, sans-I/O (RFC 768, RFC 1122 section 4.1, RFC 8085).
#pragma once

#include <switchboard/connection.hpp>
#include <switchboard/datagram_peer.hpp>

namespace switchboard {

// One datagram that came. `data` may be empty, may be rewritten in place, and dies when the callback
// returns; a copy of `from` is 48 bytes and lasts.
struct Datagram {
    MutableBytes data;
    DatagramPeer from;
};

// What became of datagrams that did not get through: `count` of them to or from `peer`, since on_error was
// last called; size is that of the first. None of these ends the socket.
//   errc::datagram_truncated    came, larger than max_datagram: dropped; its sender and true size
//   errc::write_queue_full      sent with max_queued bytes waiting: dropped
//   std::errc::not_enough_memory   to queue what was sent: dropped
//   errc::write_stalled         waited for write_stall_timeout: dropped
//   std::errc::message_size     larger than a datagram or than the interface takes (EMSGSIZE)
//   errc::errors_left_out       `count` others, of more kinds (code and peer) than 64: peer is nobody
//   and what else man 2 sendmsg knows: network_unreachable, no_buffer_space, permission_denied, ...
// With `earlier`, ICMP said so of datagrams that were sent before; connected sockets alone hear of it (man
// 7 udp), and not which ones they were: size is 0. connection_refused (nobody listens there),
// message_size (larger than the path takes), host_unreachable, ... Others are sent all the same. Not all
// are heard of: the system keeps one, and Linux none that comes up amid a batch (man 2 sendmmsg, BUGS).
struct DatagramError {
    std::error_code code;
    DatagramPeer peer = {};
    std::size_t size = 0;
    std::size_t count = 1;
    bool earlier = false;
};

enum class DatagramOption : std::uint8_t {
    ttl,             // hop limit of what is sent, 1 to 255
    multicast_ttl,   // the same for groups, 0 to 255; the system starts with 1
    multicast_loop,  // whether members on this machine get what is sent: 0 or 1, 1 at first
    broadcast,       // whether it may be sent to broadcast addresses: 0 or 1, 0 at first
};

// What a handler may do. Valid from on_open until on_close returns. For the driver's thread alone. No
// call runs a callback before it returns, and none throws.
class DatagramSocket {
public:
    // Takes a copy of the pieces as one datagram and sends it no later than the end of the turn, in
    // order; what one callback sends leaves in few system calls. False: more than high_water waits
    // (send no more until on_drain), or the datagram was dropped: on_error says why, unless the socket
    // is closing. In the queue each counts its bytes and 64 for the rest.
    virtual bool send(const DatagramPeer& to, std::span<const Bytes> pieces) = 0;
    bool send(const DatagramPeer& to, Bytes data) { return send(to, {&data, 1}); }
    bool send(const DatagramPeer& to, std::string_view text) { return send(to, as_bytes(text)); }
    bool send(Bytes data) { return send(DatagramPeer(), data); }  // to the connected peer
    bool send(std::string_view text) { return send(as_bytes(text)); }
    virtual void close(std::error_code reason = {}) = 0;  // flush, bounded by close_timeout; then
    virtual void abort(std::error_code reason) = 0;       // drop the queue; then on_close(reason)
                                                          // and nothing between, for both
    virtual bool closing() const = 0;  // either was called, or the driver is ending it
    virtual Clock::time_point now() const = 0;
    virtual void set_deadline(Clock::time_point when) = 0;  // one, as Connection's
    // At once. errc::bad_option if out of range, or what the system says (man 7 ip, man 7 ipv6).
    virtual Result<void> set(DatagramOption option, int value) = 0;
    // A group by its address (the port is not asked), on the interface of that name ("eth0"), or on
    // the one the system chooses. RFC 1112, RFC 3493 section 5.2.
    virtual Result<void> join(const DatagramPeer& group, const std::string& interface = {}) = 0;
    virtual Result<void> leave(const DatagramPeer& group, const std::string& interface = {}) = 0;
    virtual const Endpoint& local() const = 0;
    virtual const Endpoint& peer() const = 0;  // Kind::none unless connected

protected:
    ~DatagramSocket() = default;
};

// One object per socket, owned by its driver. Callbacks never nest and arrive as
//     on_open (on_datagrams | on_drain | on_error | on_deadline)* on_close
// What one throws costs its own socket, which is aborted with errc::handler_failed, and no other.
class DatagramProtocol {
public:
    DatagramProtocol() = default;
    DatagramProtocol(const DatagramProtocol&) = delete;
    DatagramProtocol& operator=(const DatagramProtocol&) = delete;
    virtual ~DatagramProtocol() = default;

    virtual void on_open(DatagramSocket&) {}
    // Any may be missing, come twice, come late, or come from someone who lies about who they are.
    virtual void on_datagram(DatagramSocket&, Datagram& in) = 0;
    // All that came at once, 1 to 64; by default each goes to on_datagram, until close(). None comes
    // while more than high_water waits to be sent: the system's buffer takes them, then drops.
    virtual void on_datagrams(DatagramSocket& socket, std::span<Datagram> in);
    virtual void on_drain(DatagramSocket&) {
    }  // after send() said false: no more than low_water waits
    virtual void on_error(DatagramSocket&, const DatagramError&) {}  // at most 65 a turn
    virtual void on_deadline(DatagramSocket& socket);   // disarmed; by default abort(timed_out)
    virtual void on_close(std::error_code) noexcept {}  // exactly once, last; {} = own close()
};

}  // namespace switchboard

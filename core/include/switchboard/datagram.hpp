// Datagrams: the handler of a UDP socket and what it may do, sans-I/O (RFC 768, RFC 1122 section 4.1, RFC
// 8085).
#pragma once

#include <switchboard/connection.hpp>
#include <switchboard/datagram_address.hpp>

namespace switchboard {

// A datagram that was received. `data` may be empty, may be modified in place, and is valid until the
// callback returns. `from` is a value of 48 bytes that may be copied and kept.
struct Datagram {
    MutableBytes data;
    DatagramAddress from;
};

// An error that datagrams met with: `count` datagrams to or from `peer` since on_error was last called.
// `size` is the size of the first one. No such error ends the socket. `code` is one of
//   errc::datagram_truncated    received, larger than max_datagram: dropped; `size` is its true size
//   errc::write_queue_full      sent while max_write_buffer bytes were queued: dropped
//   std::errc::not_enough_memory   sent, but no memory to queue it: dropped
//   errc::write_stalled         queued for write_stall_timeout without progress: dropped
//   std::errc::message_size     larger than a datagram may be, or than the interface takes (EMSGSIZE)
//   errc::errors_left_out       `count` more errors, over 64 kinds (code and peer) at once; `peer` is empty
//   any other error of man 2 sendmsg: network_unreachable, no_buffer_space, permission_denied, ...
// If `earlier` is true, ICMP reported the error for datagrams that were sent before: connection_refused (no
// process listens there), message_size (larger than the path takes), host_unreachable, ... Only connected
// sockets get such reports (man 7 udp). A report does not say which datagrams it is about, so `size` is 0.
// Other datagrams are sent all the same. Some reports are lost: the system keeps only one, and Linux drops
// one that occurs in the middle of a batch (man 2 sendmmsg, BUGS).
struct DatagramError {
    std::error_code code;
    DatagramAddress peer = {};
    std::size_t size = 0;
    std::size_t count = 1;
    bool earlier = false;
};

enum class DatagramOption : std::uint8_t {
    ttl,             // hop limit of sent datagrams, 1 to 255
    multicast_ttl,   // the same for datagrams sent to groups, 0 to 255; system default: 1
    multicast_loop,  // 1: group members on this machine get them too, 0: not; system default: 1
    broadcast,       // 1: may send to broadcast addresses, 0: not; system default: 0
};

// What a handler may do. Lifetime: valid from on_open until on_close returns. Threading: the driver's thread
// only. No member runs a callback before it returns, and no member throws.
class DatagramSocket {
public:
    // Copies the pieces into one datagram and sends it, in order, no later than the end of the turn. What
    // one callback sends takes few system calls. Returns false if more than high_water is queued (stop
    // sending until on_writable), or if the datagram was dropped. on_error then gives the reason, unless the
    // socket is closing. In the queue a datagram counts as its bytes plus 64.
    virtual bool send(const DatagramAddress& to, std::span<const Bytes> pieces) = 0;
    bool send(const DatagramAddress& to, Bytes data) { return send(to, {&data, 1}); }
    bool send(const DatagramAddress& to, std::string_view text) { return send(to, as_bytes(text)); }
    bool send(Bytes data) { return send(DatagramAddress(), data); }  // to the connected peer
    bool send(std::string_view text) { return send(as_bytes(text)); }
    // Flushes the queue, bounded by close_timeout. Then on_close(reason), with no callback in between.
    virtual void close(std::error_code reason = {}) = 0;
    // Drops the queue. Then on_close(reason), with no callback in between.
    virtual void abort(std::error_code reason) = 0;
    // Returns whether close() or abort() was called, or the driver ends the socket.
    virtual bool closing() const = 0;
    virtual Clock::time_point now() const = 0;
    virtual void set_deadline(Clock::time_point when) = 0;  // like Connection::set_deadline()
    // Takes effect at once. Errors: errc::bad_option if `value` is out of range, or the error of the system
    // (man 7 ip, man 7 ipv6).
    [[nodiscard]] virtual Result<void> set(DatagramOption option, int value) = 0;
    // Joins or leaves the group of that address (the port is ignored), on the interface of that name
    // ("eth0"). Default: on the interface that the system chooses. See RFC 1112 and RFC 3493 section 5.2.
    [[nodiscard]] virtual Result<void> join(const DatagramAddress& group,
                                            const std::string& interface = {}) = 0;
    [[nodiscard]] virtual Result<void> leave(const DatagramAddress& group,
                                             const std::string& interface = {}) = 0;
    virtual const Endpoint& local() const = 0;
    virtual const Endpoint& peer() const = 0;  // Kind::none unless connected

protected:
    ~DatagramSocket() = default;
};

// The handler of one socket, owned by its driver. Callbacks never nest, and come in the order
//     on_open (on_datagrams | on_writable | on_error | on_deadline)* on_close
// If a callback throws, only its own socket is aborted, with errc::handler_failed.
class DatagramProtocol {
public:
    DatagramProtocol() = default;
    DatagramProtocol(const DatagramProtocol&) = delete;
    DatagramProtocol& operator=(const DatagramProtocol&) = delete;
    virtual ~DatagramProtocol() = default;

    virtual void on_open(DatagramSocket&) {}
    // Datagrams may be lost, duplicated or delayed, and their source address may be forged.
    virtual void on_datagram(DatagramSocket&, Datagram& in) = 0;
    // The datagrams that were received together, 1 to 64. Default: calls on_datagram for each, until the
    // socket is closing. Not called while more than high_water is queued to be sent. The system's buffer
    // then holds the datagrams, and drops them when it is full.
    virtual void on_datagrams(DatagramSocket& socket, std::span<Datagram> in);
    // The queue has fallen to low_water, after send() returned false.
    virtual void on_writable(DatagramSocket&) {}
    virtual void on_error(DatagramSocket&, const DatagramError&) {}  // at most 65 in a turn
    // The deadline has passed and is disarmed. Default: aborts with std::errc::timed_out.
    virtual void on_deadline(DatagramSocket& socket);
    // The socket has ended. Called exactly once, as the last callback. {} means that close() was called.
    virtual void on_close(std::error_code) noexcept {}
};

}  // namespace switchboard

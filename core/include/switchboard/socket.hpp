// Sockets: one owner of one descriptor, used blocking by the blocking drivers and non-blocking by
// the reactor. The classic how-to in order: listen (create, bind, listen), accept in a loop;
// connect, send, receive, close.
#pragma once

#include <sys/socket.h>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <switchboard/bytes.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/peer_credentials.hpp>
#include <utility>

namespace switchboard {

// A socket address as the system has it (man 2 bind). A value of 136 bytes, for short use.
class SocketAddress {
public:
    SocketAddress() = default;
    SocketAddress(const sockaddr* address, socklen_t size);
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }
    socklen_t* capacity() noexcept { return &(size_ = sizeof storage_); }  // for calls that fill it
    int family() const noexcept { return storage_.ss_family; }

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

enum class Blocking : bool { no, yes };

struct SocketOptions {
    Blocking blocking = Blocking::yes;
    int backlog = 511;          // connects that queue before more are refused (man 2 listen); >= 0
    bool no_delay = true;       // TCP_NODELAY; accepted sockets inherit it
    bool reuse_address = true;  // SO_REUSEADDR, for listeners and for `from` with a port
    // SO_REUSEPORT, for several TCP listeners at one port, over which the system spreads the connects
    // (man 7 socket). errc::unsupported where it would not.
    bool reuse_port = false;
    // Permissions of a listener's path, such as 0660: who may connect needs write permission (man 7
    // unix). Set before anyone can. None: what the umask leaves. Other endpoints have no path.
    std::optional<mode_t> path_mode = {};
    // Where a connect comes from, as tcp://127.0.0.2:0: a literal address of this machine, of the family
    // that is connected to ("*" is either). With port 0 the port is chosen once the peer is known (Linux;
    // man 7 ip, IP_BIND_ADDRESS_NO_PORT), so that connects to other peers may share it: the ports of one
    // address are 28,000 for each peer, not for all. errc::bad_option for what is no such address.
    std::optional<Endpoint> from = {};
};

// Move-only owner of a descriptor; closes it when destroyed. Not thread-safe, but shutdown() may be
// called from another thread to wake one that blocks in receive or send.
class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) noexcept : fd_(descriptor) {}  // takes it over
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void close() noexcept;

    // The next queued connection, close-on-exec. A non-blocking listener that has none fails with
    // std::errc::operation_would_block. `peer`, if given, is filled with the peer's address. Connections
    // that are gone before they are accepted are passed over, but for the last of 512 in a row.
    Result<Socket> accept(Blocking blocking = Blocking::yes, SocketAddress* peer = nullptr) const;

    // What one call of recv(2)/send(2) moves; receive answers 0 at the peer's FIN. Restarted on
    // EINTR, never SIGPIPE. A non-blocking socket fails with std::errc::operation_would_block.
    Result<std::size_t> receive(MutableBytes into) const;
    Result<std::size_t> send(Bytes bytes) const;
    Result<void> send_all(Bytes bytes) const;  // for blocking sockets: until all is taken

    // Blocking calls fail with std::errc::operation_would_block after this long; zero is for ever.
    Result<void> set_timeouts(std::chrono::milliseconds receive, std::chrono::milliseconds send);
    Result<void> set_blocking(Blocking blocking);
    Result<void> shutdown_write() const;   // FIN; reading goes on
    void shutdown() const noexcept;        // both ways, at once, also under another thread's call
    void reset_on_close() const noexcept;  // RST instead of FIN (SO_LINGER 0)

    Result<Endpoint> local() const;  // man 2 getsockname
    Result<Endpoint> peer() const;   // man 2 getpeername
    // Of a connected unix socket; else what the system says, or errc::unsupported.
    Result<PeerCredentials> peer_credentials() const;
    std::error_code take_error() const noexcept;  // SO_ERROR: how a non-blocking connect ended

private:
    int fd_ = -1;
};

// A listening socket: options, bind and listen as one Result; no error comes later. A name is bound
// to the first of its addresses that can be. "fd:N" takes over N, which must be a listening stream
// socket. The path of a unix endpoint must be free, or left behind by a listener that is gone; two
// servers that start at once on the same left path may both get it, and the later one has it.
Result<Socket> listen(const Endpoint& endpoint, const SocketOptions& options = {});

// What `listener` is bound to, written like `asked`: the port is the real one, "*" stays "*".
Result<Endpoint> bound_endpoint(const Socket& listener, const Endpoint& asked);

// A connected socket. Tries the addresses of a name as RFC 8305 says: the families take turns, the next
// one starts when one fails or 250 ms after the one before, which goes on; the first that answers is
// taken. `timeout` is for all of them (errc::connect_timed_out), name look-up aside; zero waits as long
// as the system does. The error names each address tried with its own error. A connect to a port of this
// machine where nobody listens may leave from that very port and so meet itself (RFC 9293, section 3.5): that
// is connection_refused.
Result<Socket> connect(const Endpoint& endpoint, std::chrono::milliseconds timeout = {},
                       const SocketOptions& options = {});

// A non-blocking connect that has been started; ends when the socket is writable, see take_error(). One whose
// local() is its peer() has met itself. A unix listener whose queue is full is
// resource_unavailable_try_again: nothing tells when it has room.
Result<Socket> start_connect(const SocketAddress& address, const SocketOptions& options = {});

}  // namespace switchboard

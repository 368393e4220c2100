// Sockets: each Socket owns one descriptor. The blocking drivers use it in blocking mode, the reactor in
// non-blocking mode. The order of the classic how-to: a server calls listen() (create, bind, listen), and
// accept() in a loop; a client calls connect(), send(), receive() and close().
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

// A socket address in the system's form (man 2 bind). A value of 136 bytes, meant for short use.
class SocketAddress {
public:
    SocketAddress() = default;
    SocketAddress(const sockaddr* address, socklen_t size);
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }
    // For calls that fill the address: sets the size to the capacity and returns a pointer to it.
    socklen_t* capacity() noexcept { return &(size_ = sizeof storage_); }
    int family() const noexcept { return storage_.ss_family; }

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

enum class Blocking : bool { no, yes };

struct SocketOptions {
    Blocking blocking = Blocking::yes;
    int backlog = 511;          // connects queued before more are refused (man 2 listen); >= 0
    bool no_delay = true;       // TCP_NODELAY; accepted sockets inherit it
    bool reuse_address = true;  // SO_REUSEADDR, for listeners and for `from` with a port
    // SO_REUSEPORT, for several TCP listeners on one port: the system spreads connects over them (man 7
    // socket). Errors: errc::unsupported on systems that do not spread them.
    bool reuse_port = false;
    // Permissions of a unix listener's path, such as 0660. A process needs write permission to connect (man 7
    // unix). They are set before any process can connect. Default: what the umask leaves. Ignored for other
    // endpoints, which have no path.
    std::optional<mode_t> path_mode = {};
    // The local address of a connect, such as tcp://127.0.0.2:0: a literal address of this machine, of the
    // same family as the peer's ("*" is either family). With port 0, Linux chooses the port once the peer is
    // known (man 7 ip, IP_BIND_ADDRESS_NO_PORT), so connects to different peers may share a port: one address
    // has 28,000 ports for each peer, not for all together. Default: the system chooses. Errors:
    // errc::bad_option if this is not a tcp endpoint with a literal address, or if the peer is a unix socket.
    std::optional<Endpoint> from = {};
};

// Move-only owner of a descriptor, which the destructor closes. Threading: not thread-safe, but another
// thread may call shutdown() to wake a thread that is blocked in receive() or send().
class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) noexcept : fd_(descriptor) {}  // takes ownership
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void close() noexcept;

    // Returns the next queued connection, close-on-exec. `peer`, if given, is filled with the peer's address.
    // Connections that were lost before they were accepted are skipped; after 512 of them in a row, the error
    // of the last is returned. Errors: std::errc::operation_would_block if a non-blocking listener has no
    // connection queued.
    [[nodiscard]] Result<Socket> accept(Blocking blocking = Blocking::yes,
                                        SocketAddress* peer = nullptr) const;

    // Calls recv(2) or send(2) once, restarted on EINTR, and returns how many bytes were moved. receive()
    // returns 0 at the peer's FIN. Never raises SIGPIPE. Errors: std::errc::operation_would_block if the
    // socket is non-blocking and not ready.
    [[nodiscard]] Result<std::size_t> receive(MutableBytes into) const;
    [[nodiscard]] Result<std::size_t> send(Bytes bytes) const;
    [[nodiscard]] Result<void> send_all(
        Bytes bytes) const;  // blocking sockets: returns once all is taken

    // Sets how long blocking calls wait before they fail with std::errc::operation_would_block. Zero waits
    // without limit.
    [[nodiscard]] Result<void> set_timeouts(std::chrono::milliseconds receive,
                                            std::chrono::milliseconds send);
    [[nodiscard]] Result<void> set_blocking(Blocking blocking);
    [[nodiscard]] Result<void> shutdown_write() const;  // sends FIN; reading continues
    void shutdown() const noexcept;        // both directions at once; wakes blocked threads
    void reset_on_close() const noexcept;  // close() sends RST instead of FIN (SO_LINGER 0)

    [[nodiscard]] Result<Endpoint> local() const;  // man 2 getsockname
    [[nodiscard]] Result<Endpoint> peer() const;   // man 2 getpeername
    // Returns the credentials of the peer of a connected unix socket. Errors: errc::unsupported, or the error
    // of the system.
    [[nodiscard]] Result<PeerCredentials> peer_credentials() const;
    std::error_code take_error() const noexcept;  // SO_ERROR: the result of a non-blocking connect

private:
    int fd_ = -1;
};

// Returns a listening socket: sets the options, binds and listens. No error comes later. A name is bound to
// the first of its addresses that can be bound. "fd:N" takes ownership of N, which must be a listening stream
// socket. The path of a unix endpoint must be free, or left over from a listener that has ended. If two
// servers start at the same time on a path that was left over, both may succeed; the later one then owns it.
[[nodiscard]] Result<Socket> listen(const Endpoint& endpoint, const SocketOptions& options = {});

// Returns the endpoint that `listener` is bound to, in the form of `asked`, with the real port: "*" stays
// "*". For "fd:N" it returns the local address.
[[nodiscard]] Result<Endpoint> bound_endpoint(const Socket& listener, const Endpoint& asked);

// Returns a connected socket. The addresses of a name are tried as in RFC 8305: the families alternate, and
// the next attempt starts when one fails, or 250 ms after the last one started, which goes on meanwhile. The
// first attempt that connects is used. `timeout` is for all attempts together, without the name look-up; zero
// waits as long as the system does. Errors: errc::connect_timed_out after `timeout`. The message names each
// address tried with its own error. A connect to a port of this machine where no process listens may get that
// same port as its own and so connect to itself (RFC 9293, section 3.5); this fails with connection_refused.
[[nodiscard]] Result<Socket> connect(const Endpoint& endpoint,
                                     std::chrono::milliseconds timeout = {},
                                     const SocketOptions& options = {});

// Starts a non-blocking connect and returns its socket. The connect has ended when the socket is writable;
// take_error() then has its result. A socket whose local() equals its peer() has connected to itself.
// Errors: std::errc::resource_unavailable_try_again if the queue of a unix listener is full. Nothing reports
// when that queue has room again.
[[nodiscard]] Result<Socket> start_connect(const SocketAddress& address,
                                           const SocketOptions& options = {});

}  // namespace switchboard

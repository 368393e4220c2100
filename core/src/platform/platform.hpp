// All differences between systems. Private to core and reactor. Every function returns what its man page
// says: -1 and errno on an error. SWITCHBOARD_PORTABLE selects the plain POSIX branch on Linux, too.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <cstddef>
#include <cstdint>
#include <switchboard/peer_credentials.hpp>

namespace switchboard::platform {

// Flags for send(2) and sendmsg(2), so that a closed peer does not raise SIGPIPE. On systems without such a
// flag, open_socket() and accept_socket() set SO_NOSIGPIPE.
#if defined(MSG_NOSIGNAL)
inline constexpr int kSendFlags = MSG_NOSIGNAL;
#else
inline constexpr int kSendFlags = 0;
#endif

// Flags for recvmsg(2) that make received descriptors close-on-exec at once.
#if defined(MSG_CMSG_CLOEXEC)
inline constexpr int kReceiveRightsFlags = MSG_CMSG_CLOEXEC;
#else
inline constexpr int kReceiveRightsFlags = 0;
#endif

// Writes the length into an address that was not made by the system, if addresses have a length (sa_len of
// BSD and macOS). Without it, such an address differs from the same address of recvmsg(2) and is refused in
// an option's value (group_req).
inline void set_length([[maybe_unused]] void* address, [[maybe_unused]] socklen_t size) noexcept {
#if !defined(__linux__)
    static_cast<sockaddr*>(address)->sa_len = static_cast<std::uint8_t>(size);
#endif
}

int open_socket(int family, int type, bool blocking) noexcept;  // close-on-exec
// Lets several datagram sockets bind to one port, if all of them call this. Like setsockopt(2).
int share_port(int socket) noexcept;
// For a socket that is then bound to an address and port 0: connect(2), which knows the peer, chooses the
// port. Returns false if the system has no such option; bind(2) then chooses a port that no other socket
// has.
bool choose_port_late(int socket) noexcept;
// The new socket is close-on-exec. `address` and `size` may both be null.
int accept_socket(int listener, sockaddr* address, socklen_t* size, bool blocking) noexcept;
// Whether the system spreads connects to a port over the listeners that share it (SO_REUSEPORT).
extern const bool kReusePortSpreads;
int set_blocking(int fd, bool blocking) noexcept;
int open_pipe(int ends[2]) noexcept;  // both ends close-on-exec; the write end non-blocking

// SO_PEERCRED or getpeereid(3). Errors: ENOTSUP if the system has neither, or if it is not a unix socket.
int peer_credentials(int fd, PeerCredentials& peer) noexcept;

// Returns how long no data was sent or received on a TCP connection (TCP_INFO, man 7 tcp), in milliseconds.
// Returns -1 if the system does not know, and for other sockets.
std::int64_t quiet_for(int socket) noexcept;

// Sends up to `count` bytes of `file` from `offset`, like sendfile(2). Returns how many bytes were sent, 0
// at the end of the file, or -1 and errno (EAGAIN as for send). The file's own offset is not changed.
ssize_t send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept;

// One datagram of a batch. The layout is that of Linux's mmsghdr.
struct Message {
    msghdr header;
    unsigned size;
};
// How many messages of a batch were moved, and the errno of the next one. The errno is 0 if there was no
// error, or if the next call will report it.
struct Moved {
    unsigned count;
    int error;
};
// Like recvmmsg(2) and sendmmsg(2), but never block. A datagram that was cut has MSG_TRUNC in the flags of
// its header, and its true size if the system reports it.
Moved receive_messages(int socket, Message* messages, unsigned count) noexcept;
Moved send_messages(int socket, Message* messages, unsigned count) noexcept;

// Sending and receiving consecutive datagrams of one size and peer as one message (Linux UDP_SEGMENT and
// UDP_GRO, man 7 udp). On other systems kMaxSegments is 1, and want_coalesced() returns false.
extern const std::size_t kMaxSegments;
bool want_coalesced(int socket) noexcept;
// Adds a control message to `header` that makes the system cut its data into datagrams of `size`.
void write_segment_size(msghdr& header, std::size_t size) noexcept;
// For a received header: returns the size of each datagram in it except the last, or 0 if it is only one.
std::size_t read_segment_size(const msghdr& header) noexcept;

// The local address that a datagram was sent to (man 7 ip, RFC 3542 section 4), for sockets that are bound
// to any address. `address` has 4 or 16 bytes; read_local_address() returns how many, or 0 if the system did
// not report it.
int want_local_address(int socket, int family) noexcept;
std::size_t read_local_address(const msghdr& header, std::byte* address) noexcept;
void write_local_address(msghdr& header, const std::byte* address, std::size_t size) noexcept;
// Enough for the control bytes of all of the above. Align the buffer like cmsghdr.
inline constexpr std::size_t kControlSize = 96;

}  // namespace switchboard::platform

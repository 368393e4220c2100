// What differs between systems, and nowhere else. Private to core and reactor. Every call answers as
// its man page does: -1 and errno. SWITCHBOARD_PORTABLE takes the plain POSIX branch on Linux too.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <cstddef>
#include <cstdint>
#include <switchboard/peer_credentials.hpp>

namespace switchboard::platform {

// Flags for send(2) and sendmsg(2) that keep a vanished peer from raising SIGPIPE; where there are
// none, open_socket and accept_socket have set SO_NOSIGPIPE.
#if defined(MSG_NOSIGNAL)
inline constexpr int kSendFlags = MSG_NOSIGNAL;
#else
inline constexpr int kSendFlags = 0;
#endif

// Flags for recvmsg(2) that make descriptors that come close-on-exec at once.
#if defined(MSG_CMSG_CLOEXEC)
inline constexpr int kReceiveRightsFlags = MSG_CMSG_CLOEXEC;
#else
inline constexpr int kReceiveRightsFlags = 0;
#endif

// Writes the length into an address that the system did not make, where addresses have one (sa_len of BSD
// and macOS). Without it such an address differs from the same one of recvmsg(2), and is refused inside an
// option's value (group_req).
inline void set_length([[maybe_unused]] void* address, [[maybe_unused]] socklen_t size) noexcept {
#if !defined(__linux__)
    static_cast<sockaddr*>(address)->sa_len = static_cast<std::uint8_t>(size);
#endif
}

int open_socket(int family, int type, bool blocking) noexcept;  // close-on-exec
// Lets datagram sockets that all ask for it be bound to one port. Like setsockopt(2).
int share_port(int socket) noexcept;
// Of a socket that is then bound to an address and port 0: the port is chosen by connect(2), which knows
// the peer. False where there is no such thing, and bind(2) chooses one that no other socket has.
bool choose_port_late(int socket) noexcept;
// Close-on-exec. `address` and `size` may be null together.
int accept_socket(int listener, sockaddr* address, socklen_t* size, bool blocking) noexcept;
// Whether connects to a port are spread over the listeners that share it (SO_REUSEPORT).
extern const bool kReusePortSpreads;
int set_blocking(int fd, bool blocking) noexcept;
int open_pipe(int ends[2]) noexcept;  // both ends close-on-exec; the write end non-blocking

// SO_PEERCRED or getpeereid(3); ENOTSUP where a system has neither, or for other than unix sockets.
int peer_credentials(int fd, PeerCredentials& peer) noexcept;

// How long no data has come or gone on a TCP connection (TCP_INFO, man 7 tcp), in milliseconds; -1
// where the system does not tell, and for other sockets.
std::int64_t quiet_for(int socket) noexcept;

// Sends up to `count` bytes of `file` from `offset`, as sendfile(2): what was sent, 0 at the end of
// the file, -1 and errno (EAGAIN as for send). Neither moves the file's own offset.
ssize_t send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept;

// One datagram of a batch, laid out as Linux's mmsghdr.
struct Message {
    msghdr header;
    unsigned size;
};
// How many of a batch were moved, and the errno that kept the next one from it; 0 where none did, or
// where it is told by the next call.
struct Moved {
    unsigned count;
    int error;
};
// As recvmmsg(2) and sendmmsg(2), never blocking. A datagram that was cut has MSG_TRUNC in its header's
// flags, and its true size where the system tells.
Moved receive_messages(int socket, Message* messages, unsigned count) noexcept;
Moved send_messages(int socket, Message* messages, unsigned count) noexcept;

// Equal datagrams in a row to one peer as one message each way (Linux UDP_SEGMENT and UDP_GRO, man 7
// udp). Where there is no such thing kMaxSegments is 1, and asking a socket for it answers false.
extern const std::size_t kMaxSegments;
bool want_coalesced(int socket) noexcept;
// Adds to the control bytes of `header` what cuts its data into datagrams of `size`.
void write_segment_size(msghdr& header, std::size_t size) noexcept;
// Of a received header: the size of each datagram in it but the last, or 0 if it is one.
std::size_t read_segment_size(const msghdr& header) noexcept;

// Which local address a datagram was sent to (man 7 ip, RFC 3542 section 4), for sockets that are bound
// to any. `address` has 4 or 16 bytes; reading answers how many, 0 if it is not told.
int want_local_address(int socket, int family) noexcept;
std::size_t read_local_address(const msghdr& header, std::byte* address) noexcept;
void write_local_address(msghdr& header, const std::byte* address, std::size_t size) noexcept;
// Room for the control bytes of all of the above, aligned as cmsghdr.
inline constexpr std::size_t kControlSize = 96;

}  // namespace switchboard::platform

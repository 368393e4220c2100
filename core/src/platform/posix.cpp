#if !defined(__linux__) || defined(SWITCHBOARD_PORTABLE)

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>

#include "platform.hpp"

namespace switchboard::platform {
namespace {

// A fork in another thread between the call that made `fd` and this one inherits the descriptor. POSIX has
// no call that does both at once.
int set_close_on_exec(int fd) noexcept {
    return ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int close_keeping_errno(int fd) noexcept {
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

int hold_sigpipe([[maybe_unused]] int fd) noexcept {
#if defined(SO_NOSIGPIPE)
    const int on = 1;
    if (::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) == 0) return 0;
    // macOS refuses to set options of a socket whose peer has closed (EINVAL). If MSG_NOSIGNAL guards the
    // writes, what the peer sent before can still be read. Otherwise the connection counts as lost before it
    // was accepted.
    if (errno == EINVAL && kSendFlags != 0) return 0;
    if (errno == EINVAL) errno = ECONNABORTED;
    return -1;
#else
    return 0;
#endif
}

int prepare(int fd, bool blocking) noexcept {
    const bool done =
        set_close_on_exec(fd) == 0 && set_blocking(fd, blocking) == 0 && hold_sigpipe(fd) == 0;
    return done ? fd : close_keeping_errno(fd);
}

// Callers rely on accepted sockets inheriting TCP_NODELAY. Linux, the BSDs and macOS do so, but POSIX does
// not say so. Sockets that are not TCP do not have the option, which is not an error.
void carry_no_delay(int from, int to) noexcept {
    const int error = errno;
    int on = 0;
    socklen_t size = sizeof on;
    if (::getsockopt(from, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on != 0)
        ::setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    errno = error;
}

}  // namespace

const bool kReusePortSpreads = false;

std::int64_t quiet_for(int) noexcept {
    return -1;
}

int open_socket(int family, int type, bool blocking) noexcept {
    const int fd = ::socket(family, type, 0);
    return fd < 0 ? -1 : prepare(fd, blocking);
}

// On these systems SO_REUSEADDR alone works for groups, but not for sockets bound to any address (FreeBSD,
// man 4 ip; XNU, in_pcbbind).
int share_port(int socket) noexcept {
    const int on = 1;
    const int done = ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return done < 0 ? done : ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

bool choose_port_late(int) noexcept {
    return false;
}

int accept_socket(int listener, sockaddr* address, socklen_t* size, bool blocking) noexcept {
    const int fd = ::accept(listener, address, size);
    if (fd < 0) return -1;
    carry_no_delay(listener, fd);
    return prepare(fd, blocking);
}

int peer_credentials([[maybe_unused]] int fd, [[maybe_unused]] PeerCredentials& peer) noexcept {
#if defined(__linux__)  // no getpeereid(3) there, and no SO_PEERCRED in POSIX
    errno = ENOTSUP;
    return -1;
#else
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) < 0) return -1;
    if (name.ss_family != AF_UNIX) {
        errno = ENOTSUP;
        return -1;
    }
    return ::getpeereid(fd, &peer.uid, &peer.gid);
#endif
}

int open_pipe(int ends[2]) noexcept {
    if (::pipe(ends) < 0) return -1;
    const bool done = set_close_on_exec(ends[0]) == 0 && set_close_on_exec(ends[1]) == 0 &&
                      set_blocking(ends[1], false) == 0;
    if (done) return 0;
    for (const int end : {ends[0], ends[1]}) close_keeping_errno(end);
    ends[0] = ends[1] = -1;
    return -1;
}

ssize_t send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept {
    std::array<char, 16 * 1024> piece;
    const std::size_t wanted = std::min(count, piece.size());
    const ssize_t got = ::pread(file, piece.data(), wanted, static_cast<off_t>(offset));
    if (got <= 0) return got;
    return ::send(socket, piece.data(), static_cast<std::size_t>(got), kSendFlags);
}

// The first error ends the batch. An ICMP error is reported only once, so it must not be dropped here.
Moved receive_messages(int socket, Message* messages, unsigned count) noexcept {
    for (unsigned done = 0; done < count; ++done) {
        const ssize_t got = ::recvmsg(socket, &messages[done].header, MSG_DONTWAIT);
        if (got < 0) return {done, errno};
        messages[done].size = static_cast<unsigned>(got);
    }
    return {count, 0};
}

Moved send_messages(int socket, Message* messages, unsigned count) noexcept {
    for (unsigned done = 0; done < count; ++done) {
        if (::sendmsg(socket, &messages[done].header, MSG_DONTWAIT | kSendFlags) < 0)
            return {done, errno};
    }
    return {count, 0};
}

const std::size_t kMaxSegments = 1;
bool want_coalesced(int) noexcept {
    return false;
}
void write_segment_size(msghdr&, std::size_t) noexcept {}
std::size_t read_segment_size(const msghdr&) noexcept {
    return 0;
}

}  // namespace switchboard::platform

#endif

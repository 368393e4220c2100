#if defined(__linux__) && !defined(SWITCHBOARD_PORTABLE)

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "control.hpp"
#include "platform.hpp"

namespace switchboard::platform {
namespace {

// sendfile(2) has no MSG_NOSIGNAL. SIGPIPE is sent to the thread that wrote (man 7 signal), so it is blocked
// in this thread and removed again. The disposition of the process is not changed. A SIGPIPE that was
// pending before belongs to the host and stays pending.
class SigpipeHeld {
public:
    SigpipeHeld() noexcept {
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
        if (sigismember(&before_, SIGPIPE) == 0) return;
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) != 0;
    }
    ~SigpipeHeld() {
        const int error = errno;
        constexpr timespec now{};
        if (may_be_raised_ && !was_pending_) sigtimedwait(&sigpipe_, nullptr, &now);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = error;
    }
    SigpipeHeld(const SigpipeHeld&) = delete;
    SigpipeHeld& operator=(const SigpipeHeld&) = delete;

    void may_be_raised() noexcept { may_be_raised_ = true; }

private:
    sigset_t sigpipe_{}, before_{};
    bool was_pending_ = false;
    bool may_be_raised_ = false;
};

Moved moved(int result) noexcept {
    if (result < 0) return {0, errno};
    return {static_cast<unsigned>(result), 0};
}

}  // namespace

int open_socket(int family, int type, bool blocking) noexcept {
    return ::socket(family, type | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
}

int share_port(int socket) noexcept {
    const int on = 1;
    return ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

bool choose_port_late(int socket) noexcept {
    const int on = 1;
    return ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0;
}

int accept_socket(int listener, sockaddr* address, socklen_t* size, bool blocking) noexcept {
    return ::accept4(listener, address, size, SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
}

const bool kReusePortSpreads = true;

// For sockets of other families Linux returns pid 0 and uid -1.
int peer_credentials(int fd, PeerCredentials& peer) noexcept {
    ucred found{};
    socklen_t size = sizeof found;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) < 0) return -1;
    if (found.pid == 0 && found.uid == static_cast<uid_t>(-1)) {
        errno = ENOTSUP;
        return -1;
    }
    peer = {found.pid > 0 ? found.pid : -1, found.uid, found.gid};  // 0: in another pid namespace
    return 0;
}

std::int64_t quiet_for(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return -1;
    return std::min(info.tcpi_last_data_recv, info.tcpi_last_data_sent);
}

int open_pipe(int ends[2]) noexcept {
    if (::pipe2(ends, O_CLOEXEC) < 0) return -1;
    return set_blocking(ends[1], false);  // F_SETFL of an open descriptor does not fail
}

ssize_t send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept {
    SigpipeHeld sigpipe;
    auto at = static_cast<off64_t>(offset);
    const ssize_t sent = ::sendfile64(socket, file, &at, count);
    // The kernel sends in pieces. If one of them fails, it raises the signal, but returns the size of the
    // pieces before it, if there were any.
    const bool cut = sent > 0 && static_cast<std::size_t>(sent) < count;
    if (cut || (sent < 0 && errno == EPIPE)) sigpipe.may_be_raised();
    return sent;
}

static_assert(sizeof(Message) == sizeof(mmsghdr) &&
              offsetof(Message, size) == offsetof(mmsghdr, msg_len));

// The system keeps an error that comes after good datagrams for the next call.
Moved receive_messages(int socket, Message* messages, unsigned count) noexcept {
    return moved(::recvmmsg(socket, reinterpret_cast<mmsghdr*>(messages), count,
                            MSG_DONTWAIT | MSG_TRUNC, nullptr));
}

// An error that comes after good datagrams is lost (man 2 sendmmsg, BUGS). If it is an error of the datagram
// itself, it occurs again. If ICMP reported it for an earlier datagram, it is never seen.
Moved send_messages(int socket, Message* messages, unsigned count) noexcept {
    return moved(
        ::sendmmsg(socket, reinterpret_cast<mmsghdr*>(messages), count, MSG_DONTWAIT | kSendFlags));
}

const std::size_t kMaxSegments = 64;  // UDP_MAX_SEGMENTS of Linux before 6.9, and UDP_GRO_CNT_MAX

// Datagram sockets other than UDP refuse the option, and would send a joined message as one datagram.
bool want_coalesced(int socket) noexcept {
    const int on = 1;
    return ::setsockopt(socket, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0;
}

void write_segment_size(msghdr& header, std::size_t size) noexcept {
    add_control(header, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(size));
}

std::size_t read_segment_size(const msghdr& header) noexcept {
    const cmsghdr* const found = find_control(header, IPPROTO_UDP, UDP_GRO);
    return found != nullptr ? static_cast<std::size_t>(control_data<int>(*found)) : 0;
}

}  // namespace switchboard::platform

#endif

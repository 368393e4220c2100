#include "fd_passing.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "platform/platform.hpp"

namespace switchboard::detail {
namespace {

struct Control {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostRights * sizeof(int))> bytes{};
};

void take_rights(const cmsghdr& control, std::vector<Socket>& received) {
    const std::size_t count = (control.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(&control) + i * sizeof fd, sizeof fd);
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        received.emplace_back(fd);
    }
}

}  // namespace

Result<std::size_t> send_rights(int socket, Bytes bytes, std::span<const int> descriptors) {
    Control control;
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = 0;
    do sent = ::sendmsg(socket, &message, platform::kSendFlags);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno("send descriptors");
    return static_cast<std::size_t>(sent);
}

Result<std::size_t> receive_rights(int socket, MutableBytes into, std::vector<Socket>& received) {
    // Reserved before any descriptor is received: none may be lost because memory runs out.
    received.reserve(received.size() + kMostRights);
    Control control;
    iovec part{into.data(), into.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t got = 0;
    do got = ::recvmsg(socket, &message, platform::kReceiveRightsFlags);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno("receive descriptors");
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) take_rights(*c, received);
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0)  // the process ran out of descriptors
        return fail(std::make_error_code(std::errc::too_many_files_open), "receive descriptors");
    return static_cast<std::size_t>(got);
}

}  // namespace switchboard::detail

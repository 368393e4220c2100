// One send of several pieces. Private to the drivers that have sockets.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>
#include <cstddef>

#include "platform/platform.hpp"

namespace switchboard::detail {

struct SendResult {
    ssize_t answer;    // of the system call
    std::size_t size;  // of all pieces
};

// send(2) of one piece, which costs less, and sendmsg(2) of more.
inline SendResult send_pieces(int fd, const iovec* pieces, std::size_t count, int flags) noexcept {
    flags |= platform::kSendFlags;
    if (count == 1) return {::send(fd, pieces->iov_base, pieces->iov_len, flags), pieces->iov_len};
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = count;
    return {::sendmsg(fd, &message, flags), size};
}

}  // namespace switchboard::detail

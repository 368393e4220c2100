// The wire of a Transport, implemented for a stream socket. Private to the drivers that have sockets.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <switchboard/driver/transport.hpp>

#include "platform/platform.hpp"

namespace switchboard::detail::stream_wire {

using Sent = Transport::Sent;

// Converts the return value of send(2), sendmsg(2) or sendfile(2) for `size` bytes, and errno.
inline Sent as_sent(ssize_t answer, std::size_t size) noexcept {
    if (answer >= 0) {
        const auto bytes = static_cast<std::size_t>(answer);
        return {.bytes = bytes, .blocked = bytes < size};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {.blocked = true};
    return {.error = std::error_code(errno, std::system_category())};
}

// Sends one piece by send(2), which costs less than sendmsg(2), and several by sendmsg(2).
inline Sent send(int fd, const iovec* pieces, std::size_t count, int flags = 0) noexcept {
    flags |= platform::kSendFlags;
    if (count == 1)
        return as_sent(::send(fd, pieces->iov_base, pieces->iov_len, flags), pieces->iov_len);
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = count;
    return as_sent(::sendmsg(fd, &message, flags), size);
}

// Sends at most `most` bytes of a file. Errors: errc::file_too_short if the file ends before the range.
Sent send_file(int fd, const FileRange& range, std::uint64_t most) noexcept;
bool input_waiting(int fd) noexcept;                   // whether the socket has unread bytes
std::chrono::milliseconds quiet_for(int fd) noexcept;  // negative if the system does not know

}  // namespace switchboard::detail::stream_wire

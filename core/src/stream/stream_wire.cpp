#include "stream_wire.hpp"

#include <sys/ioctl.h>

namespace switchboard::detail::stream_wire {

Sent send_file(int fd, const FileRange& range, std::uint64_t most) noexcept {
    const auto size = static_cast<std::size_t>(most);
    const ssize_t sent = platform::send_file(fd, range.file->fd(), range.offset, size);
    return sent == 0 ? Sent{.error = errc::file_too_short} : as_sent(sent, size);
}

bool input_waiting(int fd) noexcept {
    int unread = 0;
    return ::ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

std::chrono::milliseconds quiet_for(int fd) noexcept {
    return std::chrono::milliseconds(platform::quiet_for(fd));
}

}  // namespace switchboard::detail::stream_wire

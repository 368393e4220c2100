// What differs between systems, and nowhere else. Private to core and reactor. Every call answers as
// its man page does: -1 and errno. SWITCHBOARD_PORTABLE takes the plain POSIX branch on Linux too.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <cstddef>
#include <cstdint>

namespace switchboard::platform {

// Flags for send(2) and sendmsg(2) that keep a vanished peer from raising SIGPIPE; where there are
// none, open_socket and accept_socket have set SO_NOSIGPIPE.
#if defined(MSG_NOSIGNAL)
inline constexpr int kSendFlags = MSG_NOSIGNAL;
#else
inline constexpr int kSendFlags = 0;
#endif

int open_socket(int family, int type, bool blocking) noexcept;  // close-on-exec
// Close-on-exec. `address` and `size` may be null together.
int accept_socket(int listener, sockaddr* address, socklen_t* size, bool blocking) noexcept;
int set_blocking(int fd, bool blocking) noexcept;
int open_pipe(int ends[2]) noexcept;  // both ends close-on-exec; the write end non-blocking

// Sends up to `count` bytes of `file` from `offset`, as sendfile(2): what was sent, 0 at the end of
// the file, -1 and errno (EAGAIN as for send). Neither moves the file's own offset.
ssize_t send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept;

}  // namespace switchboard::platform

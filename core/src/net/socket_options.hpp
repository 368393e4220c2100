// Socket options as one call each. Private to core.
#pragma once

#include <sys/time.h>
#include <chrono>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

inline bool set_option(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// SO_RCVTIMEO or SO_SNDTIMEO; zero: no limit.
inline bool set_timeout(int fd, int name, std::chrono::milliseconds time) noexcept {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    timeval value{};
    value.tv_sec = static_cast<decltype(value.tv_sec)>(seconds.count());
    value.tv_usec =
        static_cast<decltype(value.tv_usec)>(std::chrono::microseconds(time - seconds).count());
    return ::setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) == 0;
}

// Returns -1 if the option cannot be read.
inline int int_option(int fd, int name) noexcept {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

Result<PeerCredentials> peer_credentials(int fd);  // like Socket::peer_credentials()
std::error_code take_error(int fd) noexcept;       // like Socket::take_error()
bool meets_itself(int fd) noexcept;  // whether an inet socket is connected to its own address

// Returns the result of a connect that start_connect() began, once the socket is writable. A connect to a
// port of this machine where no process listens may get that same port as its own, and so connect to itself
// (RFC 9293, section 3.5, simultaneous open). This is reported as connection_refused.
std::error_code connect_error(const Socket& socket) noexcept;

// The endpoint kind of a socket's addresses.
inline Endpoint::Kind inet_kind(int fd) noexcept {
    return int_option(fd, SO_TYPE) == SOCK_DGRAM ? Endpoint::Kind::udp : Endpoint::Kind::tcp;
}

inline bool is_inet(int family) noexcept {
    return family == AF_INET || family == AF_INET6;
}

}  // namespace switchboard::detail

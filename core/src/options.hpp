// Socket options as one call each. Private to core.
#pragma once

#include <sys/time.h>
#include <chrono>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

inline bool set_option(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// SO_RCVTIMEO or SO_SNDTIMEO; zero is for ever.
inline bool set_timeout(int fd, int name, std::chrono::milliseconds time) noexcept {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    timeval value{};
    value.tv_sec = static_cast<decltype(value.tv_sec)>(seconds.count());
    value.tv_usec =
        static_cast<decltype(value.tv_usec)>(std::chrono::microseconds(time - seconds).count());
    return ::setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) == 0;
}

// -1 if it cannot be asked.
inline int int_option(int fd, int name) noexcept {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

Result<PeerCredentials> peer_credentials(int fd);  // as Socket::peer_credentials()
std::error_code take_error(int fd) noexcept;       // as Socket::take_error()
bool meets_itself(int fd) noexcept;  // an inet socket that is connected to its own address and port

// How a connect that start_connect() began has ended, once the socket is writable. A connect to a port of
// this machine where nobody listens may leave from that very port, and so meet itself (RFC 9293, section
// 3.5, simultaneous open): connection_refused.
std::error_code connect_error(const Socket& socket) noexcept;

// How the endpoints of a socket's names are written.
inline Endpoint::Kind inet_kind(int fd) noexcept {
    return int_option(fd, SO_TYPE) == SOCK_DGRAM ? Endpoint::Kind::udp : Endpoint::Kind::tcp;
}

inline bool is_inet(int family) noexcept {
    return family == AF_INET || family == AF_INET6;
}

}  // namespace switchboard::detail

// Socket options as one call each. Private to core.
#pragma once

#include <switchboard/socket.hpp>

namespace switchboard::detail {

inline bool set_option(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

inline bool is_inet(int family) noexcept {
    return family == AF_INET || family == AF_INET6;
}

}  // namespace switchboard::detail

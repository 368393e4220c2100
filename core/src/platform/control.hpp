// Control messages (man 3 cmsg). Private to platform.
#pragma once

#include <sys/socket.h>
#include <cstddef>
#include <cstring>

namespace switchboard::platform {

template <class Value>
Value control_data(const cmsghdr& message) noexcept {
    Value value;
    std::memcpy(&value, CMSG_DATA(&message), sizeof value);
    return value;
}

inline const cmsghdr* find_control(const msghdr& header, int level, int type) noexcept {
    for (cmsghdr* m = CMSG_FIRSTHDR(&header); m != nullptr;
         m = CMSG_NXTHDR(const_cast<msghdr*>(&header), m)) {
        if (m->cmsg_level == level && m->cmsg_type == type) return m;
    }
    return nullptr;
}

// Appends a control message. The header's buffer must have room for it.
template <class Value>
void add_control(msghdr& header, int level, int type, const Value& value) noexcept {
    auto* const at = static_cast<std::byte*>(header.msg_control) + header.msg_controllen;
    std::memset(at, 0, CMSG_SPACE(sizeof value));
    auto* const message = reinterpret_cast<cmsghdr*>(at);
    message->cmsg_level = level;
    message->cmsg_type = type;
    message->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(message), &value, sizeof value);
    header.msg_controllen += CMSG_SPACE(sizeof value);
}

}  // namespace switchboard::platform

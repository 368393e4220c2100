// Who is at the other end of a unix socket.
#pragma once

#include <sys/types.h>

namespace switchboard {

// As of the moment it connected, or listened: what the process became since, it does not tell (man 7
// unix, SO_PEERCRED). For the system's own use of the numbers see man 7 credentials.
struct PeerCredentials {
    pid_t pid = -1;  // -1 where the system does not tell
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    friend bool operator==(const PeerCredentials&, const PeerCredentials&) = default;
};

}  // namespace switchboard

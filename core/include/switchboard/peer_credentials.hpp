// The process at the other end of a unix socket.
#pragma once

#include <sys/types.h>

namespace switchboard {

// The credentials that the process had when it connected or listened. Later changes of the process do not
// show (man 7 unix, SO_PEERCRED). See man 7 credentials for the meaning of the numbers.
struct PeerCredentials {
    pid_t pid = -1;  // -1 if the system does not report it
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    friend bool operator==(const PeerCredentials&, const PeerCredentials&) = default;
};

}  // namespace switchboard

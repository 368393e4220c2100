// What the platform code under test can report. On Linux the portable branch reports less.
#pragma once

#include "loopback.hpp"
#include "platform/platform.hpp"

namespace switchboard::test {

// Whether it reports the credentials of a unix peer. Without them no takeover is possible; see
// doctest::skip().
inline bool system_tells_peer() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return false;
    const Socket one(ends[0]), other(ends[1]);
    return one.peer_credentials().has_value();
}

// Whether it reports for how long a connection has been quiet.
inline bool system_tells_quiet() {
    const Pair pair;
    return platform::quiet_for(pair.client.fd()) >= 0;
}

}  // namespace switchboard::test

// What the platform code under test can tell: on Linux the portable branch tells less.
#pragma once

#include "loopback.hpp"
#include "platform/platform.hpp"

namespace switchboard::test {

// Who is at the other end of a unix socket. Also for doctest::skip(): without it nobody can take over.
inline bool system_tells_peer() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return false;
    const Socket one(ends[0]), other(ends[1]);
    return one.peer_credentials().has_value();
}

// For how long a connection has been quiet.
inline bool system_tells_quiet() {
    const Pair pair;
    return platform::quiet_for(pair.client.fd()) >= 0;
}

}  // namespace switchboard::test

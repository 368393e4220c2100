// What the platform code under test can tell: on Linux the portable branch tells less.
#pragma once

#include "loopback.hpp"
#include "platform/platform.hpp"

namespace switchboard::test {

// Who is at the other end of a unix socket.
inline bool system_tells_peer() {
    const TempDir dir;
    const Pair pair("unix:" + (dir / "socket"));
    const auto peer = pair.client.peer_credentials();
    if (!peer) CHECK(peer.error() == errc::unsupported);
    return peer.has_value();
}

// For how long a connection has been quiet.
inline bool system_tells_quiet() {
    const Pair pair;
    return platform::quiet_for(pair.client.fd()) >= 0;
}

}  // namespace switchboard::test

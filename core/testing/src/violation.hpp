// What no protocol may do, whatever its peer does.
#pragma once

#include <string>
#include <switchboard/testing/memory.hpp>

namespace switchboard::testing {

// Returns the rule that the protocol broke, or an empty text.
inline std::string violation_of(const MemoryPeer& peer) {
    if (peer.writes_after_close() > 0) return "wrote after its own close, abort or shutdown_write";
    if (!peer.failure().empty()) return peer.failure();
    if (peer.close_reason() == errc::write_queue_full)
        return "kept writing after write() returned false, until the queue was full";
    return {};
}

}  // namespace switchboard::testing

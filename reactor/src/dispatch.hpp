// How a connection runs a callback of its slot; inlined into each place that does.
#pragma once

#include <algorithm>

#include "loop.hpp"
#include "socket_connection.hpp"

namespace switchboard::detail {

// Runs a callback of the slot and sends what it wrote, in one system call. What else it asked for is
// in the flags: attend() follows.
template <class Callback>
void SocketConnection::dispatch(Callback&& callback) {
    Loop& l = loop();
    l.current = this;
    l.scratch.writer = may_write() && queue_.empty() ? this : nullptr;
    l.scratch.limit = std::min(Scratch::kSize, origin_.limits.high_water);
    callback();
    l.current = nullptr;
    l.scratch.writer = nullptr;
    if (l.scratch.used > 0) flush_scratch();
}

}  // namespace switchboard::detail

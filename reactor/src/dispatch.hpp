// How a connection runs a callback of its slot; inlined into each place that does.
#pragma once

#include <sys/socket.h>

#include "loop.hpp"
#include "platform/platform.hpp"
#include "socket_connection.hpp"

namespace switchboard::detail {

// Runs a callback of the slot and sends what it wrote, in one system call. What else it asked for is
// in the flags: attend() follows.
template <class Callback>
[[gnu::always_inline]] inline void SocketConnection::dispatch(Loop& l, Callback&& callback) {
    l.current = this;
    callback();
    l.current = nullptr;
    l.last = this;
    const std::size_t size = l.scratch.used;
    if (size == 0) return;
    l.scratch.used = 0;
    const ssize_t sent = ::send(fd_, l.scratch.bytes.data(), size, platform::kSendFlags);
    if (sent == static_cast<ssize_t>(size)) [[likely]] {
        l.stats.bytes_out += size;
    } else {
        sent_short(sent, size);
    }
}

// A callback that is not for bytes. What it wrote is activity, too.
template <class Answer>
void SocketConnection::call(Answer (Slot::*callback)(Connection&)) {
    Loop& l = loop();
    const std::uint64_t before = l.stats.bytes_out;
    dispatch(l, [&] { (slot_.*callback)(*this); });
    if (has(kTimed) && l.stats.bytes_out != before) note_activity();
    l.ran(*this);
}

}  // namespace switchboard::detail

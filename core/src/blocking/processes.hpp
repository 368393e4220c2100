// What the two drivers with processes share.
#pragma once

#include "child_group.hpp"
#include "server.hpp"

namespace switchboard::detail {

// Waits until `fd` is readable, `until` has come or children may have ended; reaps those that have.
void wait_and_reap(ChildGroup& children, int fd, Clock::time_point until,
                   const EndedCallback& on_ended);

// The end of a server that drains, and has closed its listener: gives the children until the drain
// deadline, then tells `ending` and interrupts what they are blocked in, then kills those that do
// not come back. All are reaped.
void drain_children(const Server& server, ChildGroup& children, Ending& ending,
                    const EndedCallback& on_ended);

}  // namespace switchboard::detail

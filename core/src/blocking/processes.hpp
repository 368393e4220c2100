// Functions that the two drivers with processes share.
#pragma once

#include "child_group.hpp"
#include "server.hpp"

namespace switchboard::detail {

// Waits until `fd` is readable, `until` has come or children may have ended. Reaps the children that have
// ended.
void wait_and_reap(ChildGroup& children, int fd, Clock::time_point until,
                   const EndedCallback& on_ended);

// Ends the children of a server that drains and has closed its listener. They may go on until the drain
// deadline. Then `ending` aborts their connections and blocked system calls are interrupted. Children that
// do not exit then are killed. All are reaped.
void drain_children(const Server& server, ChildGroup& children, ShutdownControl& shutdown,
                    const EndedCallback& on_ended);

}  // namespace switchboard::detail

// How much of each kind of work one turn of the loop takes on. What is left over waits for the next
// turn, which does not sleep: sockets and timers are looked at in between, and order is kept.
#pragma once

#include <cstddef>

namespace switchboard::detail {

// A turn costs about a microsecond in system calls, so each budget is as small as keeps that below a
// hundredth of a microsecond per call. Reads, accepts and datagrams have theirs in Limits.
inline constexpr std::size_t kPostsPerTurn = 128;
inline constexpr std::size_t kTimersPerTurn =
    256;  // deadlines and time-outs of connections included
inline constexpr std::size_t kTasksPerTurn = 256;  // of the end of the turn; as many connections
inline constexpr std::size_t kOffloadsPerTurn =
    64;  // completions: whoever waits for a thread expects
         // to wait, and does more with what comes

}  // namespace switchboard::detail

// How much of each kind of work one turn of the loop does. The rest is left to the next turn, which does not
// sleep: sockets and timers are checked in between, and the order is kept.
#pragma once

#include <cstddef>

namespace switchboard::detail {

// A turn costs about a microsecond in system calls. Each budget is just large enough to keep that below a
// hundredth of a microsecond per call. The budgets for reads, accepts and datagrams are limits (limits.hpp).
inline constexpr std::size_t kPostsPerTurn = 128;
// Includes deadlines and time-outs of connections.
inline constexpr std::size_t kTimersPerTurn = 256;
// Tasks at the end of the turn; connections have a budget of the same size.
inline constexpr std::size_t kTasksPerTurn = 256;
// Completions. They may wait longer, because an offload takes long anyway and its `done` does more work.
inline constexpr std::size_t kOffloadsPerTurn = 64;

}  // namespace switchboard::detail

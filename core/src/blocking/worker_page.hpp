// What a worker process and its supervisor share.
#pragma once

#include <atomic>
#include <cstddef>

namespace switchboard::detail {

struct WorkerPage {
    std::atomic<std::size_t> connections{0};
    std::atomic<bool> draining{false};
    static_assert(std::atomic<std::size_t>::is_always_lock_free);
};

// What a worker writes to its pipe. All else is the text of its error.
inline constexpr char kWorkerReady = '\n', kWorkerDrains = '\r';

}  // namespace switchboard::detail

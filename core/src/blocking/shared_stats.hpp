// The statistics of worker processes, in memory that their parent can read.
#pragma once

#include <switchboard/blocking.hpp>

#include "shared_memory.hpp"

namespace switchboard::detail {

// One ServeStats per worker, in shared memory. Each worker counts in its own, and the parent publishes their
// sum.
class SharedStats {
public:
    static Result<std::unique_ptr<SharedStats>> create(std::size_t workers);

    ServeStats& of(std::size_t worker) noexcept { return stats_[worker]; }
    // Counts the open connections of a worker that has ended as closed, and as aborted_by_stop if `stopping`.
    void retire(std::size_t worker, bool stopping) noexcept;
    // Adds to `total` what was counted since the last call.
    void publish(ServeStats& total) noexcept;

private:
    SharedStats(Shared<ServeStats> stats, std::size_t workers)
        : stats_(std::move(stats)), workers_(workers) {}
    void publish_one(std::atomic<std::size_t> ServeStats::*count, ServeStats& total) noexcept;

    Shared<ServeStats> stats_;
    std::size_t workers_;
    ServeStats published_;
};

}  // namespace switchboard::detail

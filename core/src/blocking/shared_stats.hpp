// Counts of worker processes, where their parent can read them.
#pragma once

#include <switchboard/blocking.hpp>

#include "shared.hpp"

namespace switchboard::detail {

// One ServeStats per worker in memory that survives fork(2) as one. A worker counts in its own; the
// parent publishes their sum.
class SharedStats {
public:
    static Result<std::unique_ptr<SharedStats>> create(std::size_t workers);

    ServeStats& of(std::size_t worker) noexcept { return stats_[worker]; }
    // A worker that died has closed what it had open, and cut it if that was for a stop.
    void bury(std::size_t worker, bool stopping) noexcept;
    // Adds to `total` what was counted since the last time.
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

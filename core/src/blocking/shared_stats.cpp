#include "shared_stats.hpp"

namespace switchboard::detail {

Result<std::unique_ptr<SharedStats>> SharedStats::create(std::size_t workers) {
    return make_shared_memory<ServeStats>(workers).map([workers](Shared<ServeStats> stats) {
        return std::unique_ptr<SharedStats>(new SharedStats(std::move(stats), workers));
    });
}

void SharedStats::retire(std::size_t worker, bool stopping) noexcept {
    const std::size_t open = of(worker).open.exchange(0);
    of(worker).closed += open;
    if (stopping) of(worker).aborted_by_stop += open;
}

void SharedStats::publish_one(std::atomic<std::size_t> ServeStats::*count,
                              ServeStats& total) noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < workers_; ++i) sum += stats_[i].*count;
    total.*count += sum - (published_.*count).exchange(sum);
}

void SharedStats::publish(ServeStats& total) noexcept {
    for (auto count :
         {&ServeStats::accepted, &ServeStats::open, &ServeStats::closed,
          &ServeStats::aborted_by_stop, &ServeStats::refused, &ServeStats::accept_errors})
        publish_one(count, total);
}

}  // namespace switchboard::detail

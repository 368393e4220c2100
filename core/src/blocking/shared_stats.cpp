#include "shared_stats.hpp"

#include <sys/mman.h>

#include <new>

namespace switchboard::detail {

Result<std::unique_ptr<SharedStats>> SharedStats::create(std::size_t workers) {
    void* memory = ::mmap(nullptr, workers * sizeof(ServeStats), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail_errno("map shared memory");
    auto* stats = static_cast<ServeStats*>(memory);
    for (std::size_t i = 0; i < workers; ++i) new (stats + i) ServeStats;
    return std::unique_ptr<SharedStats>(new SharedStats(stats, workers));
}

SharedStats::~SharedStats() {
    ::munmap(stats_, workers_ * sizeof(ServeStats));
}

void SharedStats::bury(std::size_t worker) noexcept {
    of(worker).closed += of(worker).open.exchange(0);
}

void SharedStats::publish_one(std::atomic<std::size_t> ServeStats::*count,
                              ServeStats& total) noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < workers_; ++i) sum += stats_[i].*count;
    total.*count += sum - (published_.*count).exchange(sum);
}

void SharedStats::publish(ServeStats& total) noexcept {
    for (auto count : {&ServeStats::accepted, &ServeStats::open, &ServeStats::closed,
                       &ServeStats::refused, &ServeStats::accept_errors})
        publish_one(count, total);
}

}  // namespace switchboard::detail

#include "work.hpp"

#include <algorithm>
#include <switchboard/replies.hpp>

namespace switchboard::bench {

std::uint64_t steps_of(std::chrono::microseconds work) {
    using Clock = std::chrono::steady_clock;
    constexpr std::uint64_t kSteps = 1'000'000;
    if (work.count() == 0) return 0;
    Clock::duration fastest = Clock::duration::max();
    for (int i = 0; i < 20; ++i) {
        const auto began = Clock::now();
        [[maybe_unused]] const volatile std::uint64_t worked = do_work(kSteps);
        fastest = std::min(fastest, Clock::now() - began);
    }
    const std::chrono::duration<double> step = std::chrono::duration<double>(fastest) / kSteps;
    return static_cast<std::uint64_t>(std::chrono::duration<double>(work) / step);
}

}  // namespace switchboard::bench

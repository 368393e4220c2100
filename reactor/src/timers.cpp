#include "timers.hpp"

#include <algorithm>
#include <utility>

namespace switchboard::detail {

// From the clock and not from the turn's time, which may be stale when asked between turns: never
// early is the promise.
TimerId Timers::start(std::chrono::milliseconds delay, std::chrono::milliseconds period,
                      Reactor::Callback fn) {
    auto timer = std::make_unique<Timer>();
    timer->id = ++last_;
    timer->when = Clock::now() + std::max(delay, std::chrono::milliseconds(0));
    timer->period = period;
    timer->fn = std::move(fn);
    file(*timer);
    timers_.emplace(last_, std::move(timer));
    loop_.hold();
    ++loop_.stats.timers;
    return {last_};
}

void Timers::cancel(TimerId id) {
    if (timers_.erase(id.value) == 0) return;
    loop_.unhold();
    --loop_.stats.timers;
}

void Timers::clear() {
    while (!timers_.empty()) cancel({timers_.begin()->first});
}

void Timers::file(Timer& timer) {
    loop_.file(timer, loop_.tick_at(timer.when));
}

// The callback may cancel this timer, so it does not live in it while it runs.
void Timers::due(WheelNode& node) {
    auto& timer = static_cast<Timer&>(node);
    if (timer.when > loop_.now()) return file(timer);
    const std::uint64_t id = timer.id;
    Reactor::Callback fn = std::move(timer.fn);
    if (timer.period.count() == 0) cancel({id});
    loop_.guarded("timer", fn);
    const auto found = timers_.find(id);
    if (found == timers_.end()) return;
    Timer& again = *found->second;
    again.fn = std::move(fn);
    const auto missed = (loop_.now() - again.when) / again.period;
    again.when += again.period * (missed + 1);
    file(again);
}

}  // namespace switchboard::detail

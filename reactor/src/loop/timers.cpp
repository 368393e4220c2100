#include "timers.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/deadline.hpp"

namespace switchboard::detail {

// Creation::at is read from the clock and not from the turn's time, which is old between turns. Otherwise a
// timer could be early.
TimerId Timers::start(std::chrono::milliseconds delay, std::chrono::milliseconds period,
                      Reactor::Callback fn, Rate rate, const SourceLocation& location) {
    if (closed_) return {};
    auto timer = std::make_unique<Timer>(location);
    timer->id = ++last_;
    timer->when = deadline_after(timer->made.at, delay);
    timer->period = period;
    timer->rate = rate;
    timer->fn = std::move(fn);
    file(*timer);
    timers_.emplace(last_, std::move(timer));
    loop_.hold();
    ++loop_.stats.timers;
    return {last_};
}

// The timer is destroyed last, because destructors of what its callback owns may cancel other timers.
void Timers::cancel(TimerId id) {
    const auto gone = timers_.extract(id.value);
    if (!gone) return;
    loop_.unhold();
    --loop_.stats.timers;
}

void Timers::close() {
    closed_ = true;
    while (!timers_.empty()) cancel({timers_.begin()->first});
}

void Timers::file(Timer& timer) {
    loop_.file(timer, loop_.tick_at(timer.when));
}

// The callback is moved out of the timer while it runs, because it may cancel this timer.
void Timers::due(WheelNode& node) {
    auto& timer = static_cast<Timer&>(node);
    if (timer.when > loop_.now()) return file(timer);
    const auto late = std::chrono::floor<std::chrono::milliseconds>(loop_.now() - timer.when);
    ++loop_.stats.timers_fired;
    loop_.stats.timer_delay_total += late;
    loop_.stats.timer_delay_max = std::max(loop_.stats.timer_delay_max, late);
    const std::uint64_t id = timer.id;
    Reactor::Callback fn = std::move(timer.fn);
    if (timer.period.count() == 0) cancel({id});
    loop_.guarded("timer", fn);
    const auto found = timers_.find(id);
    if (found == timers_.end()) return;
    Timer& again = *found->second;
    again.fn = std::move(fn);
    again.when = next_call(again);
    file(again);
}

Clock::time_point Timers::next_call(const Timer& timer) const {
    if (timer.rate == Rate::fixed_delay) return deadline_after(Clock::now(), timer.period);
    const auto missed = (Clock::now() - timer.when) / timer.period;
    return timer.when + timer.period * (missed + 1);
}

}  // namespace switchboard::detail

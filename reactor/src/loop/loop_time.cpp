// How a loop keeps time in long turns, and finds the callback that held it up.
#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

#include "loop.hpp"
#include "platform/probes.hpp"

namespace switchboard::detail {
namespace {

constexpr double kLookEvery = 8e6;             // nanoseconds
constexpr std::uint64_t kCalibrateEvery = 64;  // samples
constexpr double kMostGrowth = 8;              // a suspend may stop the clock but not the counter

std::string name_of(const std::type_info& type) {
    int status = -1;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
    return status == 0 ? name.get() : type.name();
}

}  // namespace

// libuv took the time when its wait returned, or else the last sample did. The time since then was spent in
// callbacks.
bool Loop::sample_clock(const CallbackInfo& who) {
    const std::uint64_t before = uv_now(uv_);
    uv_update_time(uv_);
    const std::chrono::milliseconds took(uv_now(uv_) - before);
    if (++samples_ % kCalibrateEvery == 0) calibrate();
    sample_at = platform::ticks() + sample_every_;
    if (took.count() == 0) return false;
    turn_ += took;
    check_again();
    stats.longest_callback = std::max(stats.longest_callback, took);
    if (options_.stall_report.count() > 0 && took >= options_.stall_report) {
        ++stats.stalls;
        platform::probe_stall(took.count());
        report_stall(took, who);
    }
    return true;
}

// Measures how many ticks there are between two samples. Repeated, because the rate of the counter may
// change.
void Loop::calibrate() {
    constexpr double least = 100e6;  // nanoseconds
    const std::uint32_t passed_ticks = platform::ticks() - ticks_at_;
    const std::uint64_t time = uv_hrtime();
    const auto passed = static_cast<double>(time - time_at_);
    const bool known = time_at_ > 0 && static_cast<std::int32_t>(passed_ticks) > 0;
    if (known && passed < least) return;
    if (known) {
        const double found = kLookEvery / passed * static_cast<double>(passed_ticks);
        const double most = kMostGrowth * static_cast<double>(sample_every_);
        sample_every_ = static_cast<std::uint32_t>(std::clamp(found, 1.0, most));
    }
    ticks_at_ += passed_ticks;
    time_at_ = time;
}

// If memory runs out, no line is logged.
void Loop::report_stall(std::chrono::milliseconds took, const CallbackInfo& who) const noexcept
    try {
    if (!options_.log) return;
    std::string handler;
    if (!who.label.empty())
        handler = " of " + std::string(who.label);
    else if (who.handler != nullptr)
        handler = " of " + name_of(*who.handler);
    const std::string where = who.whose != nullptr ? " (" + who.whose->describe() + ")" : "";
    log(LogLevel::warning, std::string(who.what) + handler + where + " held the loop for " +
                               std::to_string(took.count()) + " ms");
} catch (const std::bad_alloc&) {
    return;
}

// If the counter went backwards, as when a virtual machine is moved, the loop would not sample the clock any
// more. The difference is out of bounds in this case, too. Most turns do no more than this one comparison.
void Loop::on_check(uv_check_t* check) {
    Loop& self = *static_cast<Loop*>(check->data);
    const bool late = self.sample_at - 1 - platform::ticks() >= self.sample_every_;
    if (late || self.more_to_check_) [[unlikely]]
        return self.check(late);
    self.last = nullptr;
    self.stats.loop_lag = {};
}

void Loop::check(bool late) {
    more_to_check_ = false;
    if (late) sample_clock(last != nullptr ? last->blame() : CallbackInfo());
    last = nullptr;
    stats.loop_lag = std::exchange(turn_, {});
    stats.longest_turn = std::max(stats.longest_turn, stats.loop_lag);
    more_to_check_ = watches.settle();
    free_gone();
    if (behind_) turn_wheel();
}

}  // namespace switchboard::detail

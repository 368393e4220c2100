// Timers: the timers of after() and every(), in the loop's wheel.
#pragma once

#include <cstdint>
#include <memory>
#include <switchboard/reactor.hpp>
#include <unordered_map>

#include "loop.hpp"

namespace switchboard::detail {

class Timers {
public:
    explicit Timers(Loop& loop) : loop_(loop) {}

    // A period of zero means that `fn` is called once.
    TimerId start(std::chrono::milliseconds delay, std::chrono::milliseconds period,
                  Reactor::Callback fn, Rate rate = Rate::fixed_rate,
                  const SourceLocation& location = SourceLocation::current());
    void list(LiveHandles& all) const;
    void cancel(TimerId id);
    void due(WheelNode& node);
    void close();  // drops all timers, also those that are started later

private:
    struct Timer final : WheelNode {
        explicit Timer(const SourceLocation& location) : WheelNode(Kind::timer), made(location) {}
        const Creation made;
        std::uint64_t id = 0;
        Clock::time_point when;
        std::chrono::milliseconds period{};
        Rate rate{};
        Reactor::Callback fn;
    };

    void file(Timer& timer);
    Clock::time_point next_call(const Timer& timer) const;

    Loop& loop_;
    std::uint64_t last_ = 0;
    bool closed_ = false;
    std::unordered_map<std::uint64_t, std::unique_ptr<Timer>> timers_;
};

}  // namespace switchboard::detail

// What few connections need: output that waits, timers of the wire, the reason of the end. Private to
// drivers.
#pragma once

#include <switchboard/transport.hpp>

#include "output_queue.hpp"

namespace switchboard {

struct Transport::Rare {
    static constexpr auto kNever = Clock::time_point::max();

    explicit Rare(std::pmr::memory_resource* memory) : memory_(memory), queue(memory) {}
    virtual ~Rare() = default;
    virtual void destroy() noexcept;  // gives its memory back
    std::pmr::memory_resource* memory() const noexcept { return memory_; }

    std::pmr::memory_resource* memory_;
    detail::OutputQueue queue;
    std::error_code reason;               // for on_close, once it is known
    Clock::time_point stall_at = kNever;  // unless the wire takes something before
    Clock::time_point close_at = kNever;  // the same while it closes; or the end of lingering
    Clock::time_point close_by = kNever;  // the end of closing, whatever the wire takes
    Clock::time_point look_at =
        Clock::time_point::min();  // not idle at the last look: not before this
};

}  // namespace switchboard

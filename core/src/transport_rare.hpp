// What few connections need: output that waits, the wire's timers, the reason of the end. Private to drivers.
#pragma once

#include <algorithm>
#include <switchboard/transport.hpp>

#include "in_memory_resource.hpp"
#include "output_queue.hpp"

namespace switchboard {

struct Transport::Rare {
    static constexpr auto kNever = Clock::time_point::max();

    explicit Rare(std::pmr::memory_resource* memory) : memory_(memory), queue(memory) {}
    virtual ~Rare() = default;
    // Gives its memory back.
    virtual void destroy() noexcept { detail::DestroyInResource<Rare>()(this); }
    std::pmr::memory_resource* memory() const noexcept { return memory_; }
    // The first of the wire's timers.
    Clock::time_point due() const noexcept { return std::min({stall_at, close_at, close_by}); }

    std::pmr::memory_resource* memory_;
    detail::OutputQueue queue;
    std::error_code reason;               // for on_close, once it is known
    Clock::time_point stall_at = kNever;  // unless the wire takes something before
    Clock::time_point close_at = kNever;  // the same while it closes; or the end of lingering
    Clock::time_point close_by = kNever;  // the end of closing, whatever the wire takes
    // While the driver drains: the next look at whether the connection is idle is not before this.
    Clock::time_point look_at = Clock::time_point::min();
};

}  // namespace switchboard

// The state that few connections need: queued output, the wire's timers, the reason of the end. Private to
// drivers.
#pragma once

#include <algorithm>
#include <switchboard/driver/transport.hpp>

#include "base/pmr_object.hpp"
#include "output_queue.hpp"

namespace switchboard {

struct Transport::RareState {
    static constexpr auto kNever = Clock::time_point::max();

    explicit RareState(std::pmr::memory_resource* memory) : memory_(memory), queue(memory) {}
    virtual ~RareState() = default;
    // Destroys this object and frees its memory.
    virtual void destroy() noexcept { detail::DestroyInResource<RareState>()(this); }
    std::pmr::memory_resource* memory() const noexcept { return memory_; }
    // When the first of the wire's limits is over.
    Clock::time_point due() const noexcept { return std::min({stall_at, close_at, close_by}); }

    std::pmr::memory_resource* memory_;
    detail::OutputQueue queue;
    std::error_code reason;               // the argument of on_close, once known
    Clock::time_point stall_at = kNever;  // write_stall_timeout; restarts when the wire takes some
    Clock::time_point offer_at = kNever;  // when the wire is offered the queue once more before
    Clock::time_point close_at = kNever;  // close_timeout, the same; or the end of lingering
    Clock::time_point close_by = kNever;  // close_deadline, whatever the wire takes
    // While the driver drains: whether the connection is idle is not checked again before this time.
    Clock::time_point look_at = Clock::time_point::min();
};

}  // namespace switchboard

// poll(2) until a point in time, and points in time for it.
#pragma once

#include <poll.h>
#include <span>
#include <switchboard/connection.hpp>

#include "base/deadline.hpp"

namespace switchboard::detail {

constexpr auto kAtOnce = Clock::time_point::min();  // without waiting

// Blocks until one of `entries` is ready (returns true) or `until` has come (returns false; never early).
// Restarts an interrupted wait. Entries with a negative descriptor are ignored.
bool wait_for(std::span<pollfd> entries, Clock::time_point until);

// Returns now plus `time`; kNever if no clock can reach that.
Clock::time_point from_now(std::chrono::milliseconds time);

// Returns when a limit that starts now is over; zero: kNever.
Clock::time_point in(std::chrono::milliseconds limit);

// Makes a descriptor non-blocking as long as this object exists.
class NonBlocking {
public:
    explicit NonBlocking(int fd) noexcept;
    NonBlocking(const NonBlocking&) = delete;
    NonBlocking& operator=(const NonBlocking&) = delete;
    ~NonBlocking();

private:
    int fd_;
    int flags_;
};

}  // namespace switchboard::detail

// poll(2) until a point in time, and the two ways the drivers use it.
#pragma once

#include <poll.h>
#include <span>
#include <switchboard/connection.hpp>

namespace switchboard::detail {

constexpr auto kNever = Clock::time_point::max();
constexpr auto kAtOnce = Clock::time_point::min();  // without waiting

// Blocks until one of `entries` is ready (true) or `until` has come (false; never early). An
// interrupted wait goes on. Entries with a negative descriptor are passed over.
bool wait_for(std::span<pollfd> entries, Clock::time_point until);

// Never, if that is later than a clock can say.
Clock::time_point from_now(std::chrono::milliseconds time);

// When something that may take `limit` from now on is late; zero is never.
Clock::time_point in(std::chrono::milliseconds limit);

// A descriptor that answers EAGAIN in place of blocking, for as long as this lives.
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

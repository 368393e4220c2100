// Who may pass, and when: one direction of one connection, and the line of all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>

#include "rate_bucket.hpp"

namespace switchboard::detail {

// The rate that all share. Whoever has bytes to move takes a place: so many bytes at such a time,
// one after the other as they come, as if the line were a clock. So they are served in that order
// without knowing of each other. The order alone does not bound the rate, for who comes late for
// his place has it still, and some give theirs back; the bucket does. Thread-safe.
class RateLine {
public:
    explicit RateLine(Rate rate) noexcept;
    bool limits() const noexcept { return limits_; }

    struct Place {
        std::size_t bytes = 0;  // none: not in the line
        Clock::time_point due = {};
    };
    // How many of `wanted` may pass now, with the place given up for it; 0: come again when it is
    // due.
    std::size_t take(Clock::time_point now, std::size_t wanted, Place& place) noexcept;
    void leave(Place& place) noexcept;

private:
    void enter(std::size_t wanted, Place& place) noexcept;

    const bool limits_;
    const std::size_t turn_;  // bytes of one place
    std::mutex mutex_;
    RateBucket places_;  // the end of the line: in debt while places are taken that are not due yet
    RateBucket bucket_;  // what has really passed
};

// One direction of one connection: its own rate first, then its place in the line. Both may be
// none.
class RateGate {
public:
    static constexpr auto kNever = Clock::time_point::max();

    RateGate(Rate own, RateLine& all) noexcept
        : bucket_(own), own_(own), all_(all.limits() ? &all : nullptr) {}
    ~RateGate() { leave(); }
    RateGate(const RateGate&) = delete;
    RateGate& operator=(const RateGate&) = delete;

    bool limits() const noexcept { return own_.per_second > 0 || all_ != nullptr; }
    // How many of `wanted` bytes pass now; that many are counted. 0: none before opens_at().
    std::size_t take(Clock::time_point now, std::size_t wanted) noexcept;
    // When to try again; never if take() was not refused, or the time has come and was noticed.
    Clock::time_point opens_at() const noexcept { return opens_at_; }
    void notice(Clock::time_point now) noexcept {
        if (opens_at_ <= now) opens_at_ = kNever;
    }
    // Wants nothing any more; others may have its place.
    void leave() noexcept;

private:
    std::size_t earned(Clock::time_point now, std::size_t wanted) noexcept;

    RateBucket bucket_;
    Rate own_;
    RateLine* all_;
    RateLine::Place place_;
    Clock::time_point opens_at_ = kNever;
};

}  // namespace switchboard::detail

// RateGate limits one direction of one connection, and RateLine one direction of all connections together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>

#include "rate_bucket.hpp"

namespace switchboard::detail {

// The rate that all connections share. A connection with bytes to move takes a place: a number of bytes and
// the time when they are due. Places follow each other in the order of the requests, so connections are
// served in that order without knowing each other. The order alone does not limit the rate, because a
// connection that comes late keeps its place and others give theirs back; the bucket does. Threading:
// thread-safe.
class RateLine {
public:
    explicit RateLine(Rate rate) noexcept;
    bool limits() const noexcept { return limits_; }

    struct Place {
        std::size_t bytes = 0;  // 0: not in the line
        Clock::time_point due = {};
    };
    // Returns how many of `wanted` bytes may pass now, and gives up the place. Returns 0 if none may pass:
    // call again when the place is due.
    std::size_t take(Clock::time_point now, std::size_t wanted, Place& place) noexcept;
    void leave(Place& place) noexcept;

private:
    void enter(std::size_t wanted, Place& place) noexcept;

    const bool limits_;
    const std::size_t turn_;  // bytes of one place
    std::mutex mutex_;
    RateBucket places_;  // the end of the line; in debt while taken places are not due yet
    RateBucket bucket_;  // the bytes that have really passed
};

// One direction of one connection: first its own rate, then its place in the line. Either or both may be
// unlimited.
class RateGate {
public:
    static constexpr auto kNever = Clock::time_point::max();

    RateGate(Rate own, RateLine& all) noexcept
        : bucket_(own), own_(own), all_(all.limits() ? &all : nullptr) {}
    ~RateGate() { leave(); }
    RateGate(const RateGate&) = delete;
    RateGate& operator=(const RateGate&) = delete;

    bool limits() const noexcept { return own_.per_second > 0 || all_ != nullptr; }
    // Returns how many of `wanted` bytes may pass now, and counts them. Returns 0 if none may pass before
    // opens_at().
    std::size_t take(Clock::time_point now, std::size_t wanted) noexcept;
    // When to try again; kNever unless take() returned 0 and notice() has not seen that time yet.
    Clock::time_point opens_at() const noexcept { return opens_at_; }
    void notice(Clock::time_point now) noexcept {
        if (opens_at_ <= now) opens_at_ = kNever;
    }
    // Gives up the place, because no more bytes are to be moved.
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

// A peer that sends as fast as it can and never reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <switchboard/endpoint.hpp>
#include <thread>

namespace switchboard::bench {

// Whether the firehose, once nothing moves any more, waits for the server for ever, or resets the
// connection and comes again, so that it is always sending.
enum class WhenStuck : bool { waits, comes_again };

// On a thread of its own, from open() to the destructor. It runs where the caller does, but only when
// the caller has nothing to do (SCHED_IDLE, man 7 sched): what it sends must not delay who measures.
class Firehose {
public:
    Firehose(Endpoint target, WhenStuck when_stuck);
    ~Firehose();
    Firehose(const Firehose&) = delete;
    Firehose& operator=(const Firehose&) = delete;

    void open();                                             // the first connect; once
    std::uint64_t bytes() const noexcept { return bytes_; }  // that the system took
    std::size_t connects() const noexcept { return connects_; }
    std::size_t failures() const noexcept { return failures_; }  // connects that failed

private:
    void run();
    void send_until_stuck();

    const Endpoint target_;
    const WhenStuck when_stuck_;
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<std::size_t> connects_{0}, failures_{0};
    std::atomic<bool> stops_{false};
    std::thread thread_;
};

}  // namespace switchboard::bench

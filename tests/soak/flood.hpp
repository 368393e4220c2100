// A peer that sends as fast as it can and never reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <switchboard/endpoint.hpp>
#include <thread>

namespace switchboard::bench {

// What the firehose does when it can send no more: it waits for the server for ever, or it resets the
// connection and reconnects, so that it never stops sending.
enum class WhenStuck : bool { waits, comes_again };

// Runs on its own thread from open() to the destructor. It uses the caller's CPU, but only while the caller
// is idle (SCHED_IDLE, man 7 sched), because it must not delay the measurement.
class Firehose {
public:
    Firehose(Endpoint target, WhenStuck when_stuck);
    ~Firehose();
    Firehose(const Firehose&) = delete;
    Firehose& operator=(const Firehose&) = delete;

    void open();                                             // connects; call it once
    std::uint64_t bytes() const noexcept { return bytes_; }  // accepted by the system
    std::size_t connects() const noexcept { return connects_; }
    std::size_t failures() const noexcept { return failures_; }  // failed connects

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

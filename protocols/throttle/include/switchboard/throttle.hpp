// Throttling: how many bytes a second come in and go out, of each connection and of all together.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>

namespace switchboard {

// A value. Rates are bytes per second, from 1 to kMostRate; 0 sets no limit. "In" is from the peer.
struct ThrottleOptions {
    static constexpr std::uint64_t kMostRate = std::uint64_t{1} << 40;  // 1 TiB/s

    std::uint64_t in_per_second = 0;  // of each connection
    std::uint64_t out_per_second = 0;
    std::uint64_t all_in_per_second = 0;  // of all connections of one factory together
    std::uint64_t all_out_per_second = 0;
    // What may pass at once after a pause: what the rate gives in this time, and at least 2 bytes.
    // From 1 ms to 1 h. In every span of time, of any length, at most rate * span + burst bytes
    // pass.
    std::chrono::milliseconds burst{100};
    // high_water, low_water and max_queued of what waits in the layer; max_unread of the protocol
    // above it; close_timeout. The rest is the driver's.
    Limits limits = {};

    bool any() const noexcept {
        return (in_per_second | out_per_second | all_in_per_second | all_out_per_second) != 0;
    }
};

// The same protocol, slowed down: a layer between each Protocol that `above` makes and its driver,
// which may be any. Without a rate it is `above` itself. errc::bad_option names the rate, burst or
// limit that is out of range. The factory and what it makes share the rates for all, under a mutex:
// several threads may use it (serve_threads, a reactor each), and copies are the same factory. Of
// the process drivers each process has its own "all".
//
// - In: bytes count when the protocol above is given them. What may not pass yet stays below, at
//   most one read of the driver, and reading is paused, so that the peer's system slows it down.
//   EOF comes after the last byte.
// - Out: bytes count when the driver is given them. What may not pass yet waits here, in order with
//   files, shutdown_write() and close(); buffers of write_shared() wait uncopied. write() answers
//   false above high_water, or while the driver's connection is full; on_drain follows at
//   low_water, under blocking drivers too, where write() does not block. More than max_queued costs
//   the connection (errc::write_queue_full). As under a driver the protocol above is not read for
//   while its queue is above the mark, unless it reads_when_full().
// - close() sends what waits, at the rate. That is bounded by max_queued and the files that wait,
//   divided by the rate; and by close_timeout for the peer, which counts, added up, the time in
//   which the driver's connection is full (errc::close_timed_out). abort() drops what waits.
// - All: connections that have bytes to move get their turns in the order in which they asked, a
//   thousandth of the rate each (at least 1,460 bytes, at most half the burst). With n of them
//   waiting, nobody waits for longer than n turns take.
// - A protocol above that throws ends as under its driver: errc::handler_failed, and what it threw.
//
// What it does not do. The driver does not know what waits here: its idle_timeout and lifetime close
// without it, and its deadline for a drain does too. Connections that a protocol opens itself, such
// as a relay's to its target, are not its own and not slowed down.
Result<ProtocolFactory> throttled(ProtocolFactory above, const ThrottleOptions& options);

// The same for several factories, whose connections share the rates for all: a factory of each reactor,
// say. May be called by several threads.
using Throttle = std::function<ProtocolFactory(ProtocolFactory above)>;
Result<Throttle> shared_throttle(const ThrottleOptions& options);

}  // namespace switchboard

// Throttling: limits the bytes per second of each connection, and of all connections together.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>

namespace switchboard {

// A value. Rates are in bytes per second, from 1 to kMostRate; 0 is no limit. "In" means from the peer.
struct ThrottleOptions {
    static constexpr std::uint64_t kMostRate = std::uint64_t{1} << 40;  // 1 TiB/s

    std::uint64_t in_per_second = 0;  // each connection
    std::uint64_t out_per_second = 0;
    std::uint64_t all_in_per_second = 0;  // all connections of one factory together
    std::uint64_t all_out_per_second = 0;
    // The bytes that may pass at once after a pause, as the time in which the rate allows them; at least 2
    // bytes. From 1 ms to 1 h. In every span of time, of any length, at most rate * span + burst bytes pass.
    std::chrono::milliseconds burst{100};
    // The layer uses high_water, low_water and max_write_buffer for its own queue, max_read_buffer for the
    // protocol above, and close_timeout. The driver applies the others.
    ConnectionLimits limits = {};

    bool any() const noexcept {
        return (in_per_second | out_per_second | all_in_per_second | all_out_per_second) != 0;
    }
};

// Returns a factory that puts a throttling layer between each Protocol that `above` makes and its driver.
// Any driver works. If no rate is set, it returns `above` itself. Errors: errc::bad_option; the message
// names the rate, burst or limit that is out of range. Threading: several threads may use the factory
// (serve_threads(), one reactor per thread). The factory, its copies and their connections share the rates
// for all connections, under a mutex. Under the process drivers each process has "all" rates of its own.
//
// - In: bytes count when they are given to the protocol above. Bytes that may not pass yet stay below, at
//   most one read of the driver, and reading is paused, so that the peer's system slows the peer down.
//   on_eof comes after the last byte.
// - Out: bytes count when they are given to the driver. Bytes that may not pass yet are queued in the layer,
//   in order with files, shutdown_write() and close(). Buffers of write_shared() are queued without a copy.
//   write() returns false above high_water, and while the driver's connection is full. on_writable follows
//   at low_water, also under blocking drivers, where write() does not block. Above max_write_buffer the
//   connection is aborted (errc::write_queue_full). As under a driver, the protocol above gets no input
//   while its queue is above the mark, unless reads_under_backpressure() returns true.
// - close() sends the queue at the rate. This takes at most the size of max_write_buffer and the queued
//   files, divided by the rate. The total time in which the driver's connection is full meanwhile is limited
//   by close_timeout (errc::close_timed_out). abort() drops the queue.
// - All: connections with bytes to move take turns in the order in which they asked. A turn is a thousandth
//   of the rate (at least 1,460 bytes, at most half the burst). With n connections waiting, no connection
//   waits longer than n turns.
// - If the protocol above throws, the connection ends as under a driver: errc::handler_failed, with the text
//   of the exception.
//
// Limitations: the driver does not know what is queued in the layer. Its idle_timeout, its
// max_connection_age and its drain deadline close the connection without that. Connections that a protocol
// opens itself, such as those of a relay to its target, are not throttled.
[[nodiscard]] Result<ProtocolFactory> throttled(ProtocolFactory above,
                                                const ThrottleOptions& options);

// The same for several factories whose connections share the rates for all, such as one factory per reactor.
// Threading: several threads may call the result.
using Throttle = std::function<ProtocolFactory(ProtocolFactory above)>;
[[nodiscard]] Result<Throttle> shared_throttle(const ThrottleOptions& options);

}  // namespace switchboard

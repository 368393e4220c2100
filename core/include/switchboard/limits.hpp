// The limits. Everything is bounded by default, and every limit has a name and a default.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard {

// A value, which the driver reads when a listener or connection is created.
struct Limits {
    // server
    std::size_t max_connections = 0;  // 0: the smaller of 10,000 and the descriptor limit less 64
    std::size_t backlog = 511;        // connects that queue before more are refused
    std::size_t accepts_per_wake = 16;
    std::chrono::milliseconds accept_pause{100};  // after accept failed, e.g. no descriptors left
    std::chrono::milliseconds drain_deadline{30'000};
    // A drain closes an accepted connection on which no byte has moved for this long, unless its handler is
    // busy. The default is long enough for the next request of a busy, distant peer.
    std::chrono::milliseconds drain_idle{250};

    // connection; for time-outs, zero and milliseconds::max() mean no limit
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds first_byte_timeout{};  // from on_open until the peer's first byte
    std::chrono::milliseconds idle_timeout{};        // no byte from the peer or to it
    std::chrono::milliseconds lifetime{};            // from on_open, whatever happens
    std::chrono::milliseconds write_stall_timeout{60'000};  // no progress while bytes are queued
    std::chrono::milliseconds close_timeout{5'000};  // no progress of the flush in close(); then
                                                     // the wait for the peer's FIN
    std::chrono::milliseconds close_deadline{};      // all of close(), however the peer reads
    std::size_t high_water = 64 * 1024;    // queued bytes above which write() returns false
    std::size_t low_water = 32 * 1024;     // queued bytes at which on_drain comes
    std::size_t max_queued = 1024 * 1024;  // queued bytes above which the connection is aborted
    std::size_t max_unread = 1024 * 1024;  // bytes a handler may leave unused; below 4 GiB
    std::size_t read_budget = 256 * 1024;  // bytes read from one connection per turn

    // datagrams
    std::size_t max_datagram = 65'535;  // bytes; larger ones are reported and dropped

    // max_connections, with 0 replaced by its current meaning in this process.
    std::size_t connections_allowed() const;

    // Sets a limit by name: counts as "10000", sizes as "65536", "64k" or "1M" (KiB, MiB), times as
    // "250ms", "5s" or "1m". Errors: errc::bad_option names what is unknown, malformed or out of range.
    Result<void> set(std::string_view name, std::string_view value);
    // Whether the limits fit together (low_water < high_water <= max_queued, ...). Errors: errc::bad_option.
    Result<void> check() const;

    struct Entry {
        std::string name, value, meaning;
    };
    std::vector<Entry> entries() const;  // all limits, for help texts
};

// "250ms", "5s", "1m", "2h"; a bare number is in seconds. Errors: errc::bad_option.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// "65536", "64k", "1M", "1G"; units are powers of 1,024. Errors: errc::bad_option.
Result<std::size_t> parse_size(std::string_view text);

}  // namespace switchboard

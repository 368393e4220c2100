// The bounds. Everything is bounded out of the box; every bound has a name and a default.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard {

// A value, read by the driver when a listener or connection is made. See section 9 of the design for
// where the defaults come from.
struct Limits {
    // server
    std::size_t max_connections = 0;  // 0: the smaller of 10,000 and the descriptor limit less 64
    std::size_t backlog = 511;        // connects that queue before more are refused
    std::size_t accepts_per_wake = 16;
    std::chrono::milliseconds accept_pause{100};  // after accept failed, as for want of descriptors
    std::chrono::milliseconds drain_deadline{30'000};
    // While draining: an accepted connection on which no byte moved for so long is closed, unless its
    // handler is busy. Long enough for the next request of a busy peer, far away.
    std::chrono::milliseconds drain_idle{250};

    // connection; times in which nothing happens, zero and milliseconds::max() mean no limit
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds first_byte_timeout{};  // from on_open until the peer's first byte
    std::chrono::milliseconds idle_timeout{};        // no byte from the peer and none to it
    std::chrono::milliseconds lifetime{};            // from on_open, whatever happens
    std::chrono::milliseconds write_stall_timeout{60'000};  // no progress while bytes are queued
    std::chrono::milliseconds close_timeout{5'000};  // no progress of the flush in close(); then
                                                     // the wait for a peer that has more to say
    std::chrono::milliseconds close_deadline{};      // the whole of close(), however the peer reads
    std::size_t high_water = 64 * 1024;    // queued bytes above which write() answers false
    std::size_t low_water = 32 * 1024;     // ... and at which on_drain comes
    std::size_t max_queued = 1024 * 1024;  // queued bytes that cost the connection
    std::size_t max_unread = 1024 * 1024;  // bytes a handler may leave unused; below 4 GiB
    std::size_t read_budget = 256 * 1024;  // bytes read from one connection per turn

    // datagrams
    std::size_t max_datagram = 65'535;  // bytes; a larger one is told of and dropped

    // max_connections with its 0 replaced by what it stands for in this process now.
    std::size_t connections_allowed() const;

    // Sets one by name: counts as "10000", sizes as "65536", "64k" or "1M" (KiB, MiB), times as
    // "250ms", "5s" or "1m". errc::bad_option names what is unknown, malformed or out of range.
    Result<void> set(std::string_view name, std::string_view value);
    // Whether the bounds fit together (low_water < high_water <= max_queued, ...).
    Result<void> check() const;

    struct Entry {
        std::string name, value, meaning;
    };
    std::vector<Entry> entries() const;  // all of them, for help texts
};

// "250ms", "5s", "1m", "2h"; a bare number is seconds. errc::bad_option otherwise.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// "65536", "64k", "1M", "1G" in powers of 1,024. errc::bad_option otherwise.
Result<std::size_t> parse_size(std::string_view text);

}  // namespace switchboard

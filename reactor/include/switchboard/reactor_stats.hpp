// What a Reactor has done, and what it holds: a snapshot, and as text for other programs.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>

namespace switchboard {

// Why a connection ended, for the counts.
enum class CloseCause : std::uint8_t {
    orderly,      // on_close({})
    reset,        // by the peer: ECONNRESET, EPIPE
    timed_out,    // a time-out of Limits, or the handler's own
    queue_full,   // errc::write_queue_full: the peer does not read
    bad_message,  // too large, malformed or incomplete
    failed,       // errc::handler_failed
    stopping,     // errc::stopping: drained past the deadline, or the reactor was destroyed
    other,
};
inline constexpr std::size_t kCloseCauses = 8;
const char* to_string(CloseCause cause) noexcept;  // "orderly", "queue_full", ...
CloseCause close_cause(std::error_code reason) noexcept;

// Counts since the reactor was made, but for those that say "now". Times are as exact as the loop looks
// at the clock: every 8 ms while it works.
struct ReactorStats {
    std::uint64_t accepted = 0, connected = 0, closed = 0;  // closed: those told goodbye included
    std::array<std::uint64_t, kCloseCauses> closed_by{};    // by CloseCause; together `closed`
    std::uint64_t refused = 0;  // not in accepted; the sum of the next four
    std::uint64_t refused_full = 0, refused_address = 0;     // max_connections, max_per_address
    std::uint64_t refused_protocol = 0, refused_memory = 0;  // the factory gave none; none was left
    std::uint64_t told_goodbye = 0;                          // of those refused
    std::uint64_t accept_errors = 0;                         // pauses because accept failed
    std::uint64_t connect_errors = 0;                        // connects that ended without on_open
    std::uint64_t handler_failures = 0;
    std::uint64_t bytes_in = 0, bytes_out = 0;
    std::uint64_t datagrams_in = 0, datagrams_out = 0;
    std::uint64_t posts = 0, wake_ups = 0;  // posts that ran, and batches: one wake-up each
    std::uint64_t timers_fired = 0;
    std::chrono::milliseconds timers_late{}, latest_timer{};  // all together, and the worst
    std::uint64_t stalls = 0;                                 // callbacks of stall_report or more
    std::chrono::milliseconds longest_callback{}, longest_turn{};
    // Of the last turn: what became ready waited for so long at most.
    std::chrono::milliseconds loop_lag{};
    // Connections now; those that connect, flush or are told goodbye included.
    std::size_t open = 0;
    std::size_t goodbyes = 0;                             // now, of those open
    std::size_t paused = 0;                               // now: those that are not read from
    std::size_t listeners = 0, timers = 0, offloads = 0;  // now
    std::size_t datagram_sockets = 0;                     // now; `open` counts them too
    std::size_t queued_bytes = 0;                         // now, over all connections

    // Of several reactors: counts add up, of the worst times the worst stands.
    ReactorStats& operator+=(const ReactorStats& other) noexcept;
};

// One object, a member per count under its name above, times in milliseconds, closed_by by cause.
std::string to_json(const ReactorStats& stats);
// The text format of Prometheus, version 0.0.4: switchboard_accepted_total and so on, times in seconds,
// causes as labels; of several reactors, each with its place as the label `reactor`.
std::string to_prometheus(std::span<const ReactorStats> reactors);

}  // namespace switchboard

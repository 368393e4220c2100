// Statistics of a Reactor: a snapshot, and the same as text for other programs.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>

namespace switchboard {

class Reactor;

// The cause of the end of a connection, for the counts.
enum class CloseCause : std::uint8_t {
    orderly,     // on_close({})
    reset,       // by the peer: ECONNRESET, EPIPE
    timed_out,   // a time-out of ConnectionLimits, or any other error equal to std::errc::timed_out
    queue_full,  // errc::write_queue_full: the peer does not read
    bad_message,  // the message was too large, malformed or incomplete
    failed,       // errc::handler_failed
    stopping,     // errc::stopping: drained past the deadline, or the reactor was destroyed
    other,
};
inline constexpr std::size_t kCloseCauses = 8;
const char* to_string(CloseCause cause) noexcept;  // "orderly", "queue_full", ...
CloseCause close_cause(std::error_code reason) noexcept;

// Counts since the reactor was created; the last group has current values. Durations of callbacks and turns
// are as exact as the loop's samples of the clock: one every 8 ms while it is busy.
struct ReactorStats {
    // Connections. `closed` includes clients that were sent the reject message. closed_by is indexed by
    // CloseCause; its sum is `closed`.
    std::uint64_t accepted = 0, connected = 0, closed = 0;
    std::array<std::uint64_t, kCloseCauses> closed_by{};
    // Refused clients, which are not counted in `accepted`: the sum of the next four.
    std::uint64_t refused = 0;
    std::uint64_t refused_max_connections = 0, refused_per_address = 0;
    std::uint64_t refused_protocol = 0;  // the factory returned null
    std::uint64_t refused_memory = 0;    // no memory for the connection
    // Of those refused: clients that were sent ListenOptions::reject_message.
    std::uint64_t rejected_with_message = 0;
    std::uint64_t accept_errors = 0;     // pauses because accept failed
    std::uint64_t connect_errors = 0;    // connects that ended without on_open
    std::uint64_t handler_failures = 0;  // exceptions of handlers
    std::uint64_t bytes_in = 0, bytes_out = 0;
    std::uint64_t datagrams_in = 0, datagrams_out = 0;
    std::uint64_t posts = 0, wake_ups = 0;  // posts that ran, and the batches that they ran in
    std::uint64_t timers_fired = 0;
    std::chrono::milliseconds timer_delay_total{}, timer_delay_max{};  // how late they fired
    std::uint64_t stalls = 0;  // callbacks that ran for ReactorOptions::stall_report or longer
    std::chrono::milliseconds longest_callback{}, longest_turn{};
    std::chrono::milliseconds
        loop_lag{};  // of the last turn: the longest that a ready socket waited

    // Now.
    std::size_t open = 0;  // connections and datagram sockets, also those connecting or closing
    std::size_t rejecting = 0;  // of those open: clients that are being sent the reject message
    std::size_t paused = 0;     // of those open: connections whose reading is paused
    std::size_t listeners = 0, timers = 0, offloads = 0;
    std::size_t datagram_sockets = 0;  // of those open
    std::size_t queued_bytes = 0;      // of all connections

    // Adds the statistics of another reactor: counts are summed; of maximum times the larger one is kept.
    ReactorStats& operator+=(const ReactorStats& other) noexcept;
};

// Returns a snapshot. It visits all connections, so do not call it once per connection. For the reactor's
// thread.
ReactorStats collect_stats(const Reactor& reactor);

// Returns a JSON object with one member per count, named as above. Times are in milliseconds; closed_by is an
// object with a member for each cause.
std::string to_json(const ReactorStats& stats);
// Returns the text format of Prometheus, version 0.0.4: switchboard_accepted_total and so on. Times are in
// seconds, and causes are labels. If there are several reactors, the label `reactor` is the index of each.
std::string to_prometheus(std::span<const ReactorStats> reactors);

}  // namespace switchboard

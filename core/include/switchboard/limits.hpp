// The limits. Each has a name and a default. Memory is bounded by default, and so is the wait for a peer that
// does not read.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard {

// All limits are values: a driver copies them when a listener, a connection or a socket is created, and
// later changes have no effect on it. A time-out of zero, or of milliseconds::max(), means no limit unless
// its comment says otherwise. first_byte_timeout, idle_timeout, max_connection_age and drain_idle_timeout are
// at most ten days. Each check() fails with errc::bad_option and names the first limit that is out of range
// or does not fit another (low_water < high_water <= max_write_buffer).

// How many connections a listener or a blocking server accepts, and how fast. Each listener counts for
// itself: two listeners of one reactor have two counts. The reactors of a ReactorGroup share one.
struct ServerLimits {
    std::size_t max_connections = 0;  // 0: the smaller of 10,000 and the descriptor limit less 64
    // Connections at once from one IPv4 address, or from one /64 network of IPv6. Clients of a Unix
    // socket have no address and are not counted. 0: no limit. Reactor only: the blocking drivers fail
    // with errc::unsupported.
    std::size_t max_per_address = 0;
    // Accepts per second, spread evenly, at most a tenth of a second's worth in one turn. The other
    // clients wait in the backlog. Clients that are refused are counted too. 0: no limit. Reactor only,
    // as above.
    std::size_t accepts_per_second = 0;
    std::size_t backlog = 511;  // connections that the kernel queues (man 2 listen)
    // At most this many accepts in one turn of the loop. The first turn accepts one connection; each next
    // turn accepts twice as many if all of them were waiting. Reactor only: the blocking drivers ignore it.
    std::size_t max_accepts_per_turn = 16;
    // The pause after accept(2) failed, for example because no descriptors were left.
    std::chrono::milliseconds accept_retry_delay{100};
    // How long a blocking server, or `switchboard serve`, waits for open connections when it drains. Zero:
    // they are aborted at once. A Reactor gets this time as an argument of drain() instead.
    std::chrono::milliseconds drain_timeout{30'000};

    std::size_t connections_allowed() const;  // max_connections, or what 0 means in this process
    [[nodiscard]] Result<void> check() const;
    // The same for a server without a reactor. Errors: also errc::unsupported if max_per_address or
    // accepts_per_second is set, because only a reactor applies them.
    [[nodiscard]] Result<void> check_without_reactor() const;
};

// The time that one stream connection may take, and the memory it may use.
struct ConnectionLimits {
    std::chrono::milliseconds connect_timeout{10'000};  // of Reactor::connect(), with name look-up
    std::chrono::milliseconds first_byte_timeout{};     // from on_open to the peer's first byte
    std::chrono::milliseconds idle_timeout{};           // no byte in either direction
    std::chrono::milliseconds max_connection_age{};     // from on_open
    // The socket takes no byte while bytes are queued.
    std::chrono::milliseconds write_stall_timeout{60'000};
    // After close(): the socket takes no byte while bytes are queued. The same time again limits the wait for
    // the peer's FIN, if input was left unread.
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds close_deadline{};  // for sending all that is queued at close()
    // A drain closes a connection on which no byte has moved for this long, unless its handler is busy. The
    // default leaves a busy, distant peer time for its next request. Zero: it is closed at once when idle.
    std::chrono::milliseconds drain_idle_timeout{250};
    std::size_t high_water = 64 * 1024;  // queued bytes above which write() returns false
    std::size_t low_water = 32 * 1024;   // queued bytes at which on_writable is called
    // Queued bytes above which the connection is aborted. In a blocking driver write() blocks before that.
    std::size_t max_write_buffer = 1024 * 1024;
    std::size_t max_read_buffer = 1024 * 1024;  // bytes a handler may leave unused; below 4 GiB
    std::size_t read_budget = 256 * 1024;       // bytes read from, or sent to, one peer per turn

    [[nodiscard]] Result<void> check() const;
};

// The memory that one datagram socket may use, and the time it may take.
struct DatagramLimits {
    std::size_t max_datagram = 65'535;           // bytes; larger datagrams are reported and dropped
    std::size_t high_water = 64 * 1024;          // queued bytes above which send() returns false
    std::size_t low_water = 32 * 1024;           // queued bytes at which on_writable is called
    std::size_t max_write_buffer = 1024 * 1024;  // queued bytes above which datagrams are dropped
    std::size_t read_budget = 256 * 1024;        // bytes read from one socket per turn
    std::chrono::milliseconds write_stall_timeout{60'000};  // the socket takes no queued datagram
    std::chrono::milliseconds close_timeout{5'000};         // for sending what is queued at close()

    [[nodiscard]] Result<void> check() const;
};

// All limits, which can be set by name: for command lines and configuration files.
struct Limits {
    ServerLimits server = {};
    ConnectionLimits connection = {};
    DatagramLimits datagram = {};

    // Sets a limit by name, in each part that has one of that name. Counts are written as "10000", sizes
    // as "65536", "64k" or "1M" (KiB, MiB), times as "250ms", "5s" or "1m". Errors: errc::bad_option says
    // which name is unknown, or which value is malformed or out of range.
    [[nodiscard]] Result<void> set(std::string_view name, std::string_view value);
    [[nodiscard]] Result<void> check() const;  // of each part

    struct Entry {
        std::string name, value, meaning;
    };
    std::vector<Entry> entries() const;  // each name once, for help texts
};

// "250ms", "5s", "1m", "2h"; a number without a unit is in seconds. Errors: errc::bad_option.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// "65536", "64k", "1M", "1G"; units are powers of 1,024. Errors: errc::bad_option.
[[nodiscard]] Result<std::size_t> parse_size(std::string_view text);

}  // namespace switchboard

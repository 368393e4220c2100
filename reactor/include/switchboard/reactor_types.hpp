// What a Reactor is given and what it answers: options and ids.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
#include <string>
#include <switchboard/connection.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/log.hpp>
#include <system_error>

namespace switchboard {

struct ReactorOptions {
    LogSink log = {};  // silent when empty
    // A callback that holds the loop for so long is logged, with the type of its handler: all others
    // waited for it. Zero: never. On a ridden loop the host's own callbacks may be taken for ours.
    std::chrono::milliseconds stall_report{100};
    std::size_t max_lookups = 64;  // of names, at once; see resolver.hpp
    // Where connections and datagram sockets, what they queue and what is left unread are kept.
    // Outlives the reactor (on a ridden loop, until libuv has let go), and is used on its thread alone.
    // Never null.
    std::pmr::memory_resource* memory = std::pmr::get_default_resource();
};

struct ListenOptions {
    Limits limits = {};
    // Connections at once from one IPv4 address, or from one /64 of IPv6; the next is refused. 0: any
    // number. Unix sockets have no address, and no such limit.
    std::size_t max_per_address = 0;
    // Spread evenly, at most a tenth of a second's worth in a turn; the others wait in the backlog. Those
    // who are refused count as well. 0: as they come.
    std::size_t accepts_per_second = 0;
    std::optional<mode_t> path_mode = {};  // of a unix path; see SocketOptions
    // Sent to those who are refused for max_connections or max_per_address, before they are closed. At
    // most 16 are told at a time, for at most a second; when more come they are closed without.
    std::string goodbye = {};
    // Accept failed, mostly for want of descriptors or memory: called once per accept_pause, with the cause.
    std::function<void(std::error_code)> on_accept_error = {};
};

struct ConnectOptions {
    Limits limits = {};
    // From one attempt to the next while none answers (RFC 8305, section 5); at least 10 ms.
    std::chrono::milliseconds attempt_delay{250};
    // Where it comes from, as tcp://127.0.0.2:0: see SocketOptions.
    std::optional<Endpoint> from = {};
    // Right before on_open; and once, right after on_close, with how it ended: a connect that failed
    // names each address tried with its own error. What they throw is logged.
    std::function<void(ConnectionId)> on_connected = {};
    std::function<void(const Error&)> on_ended = {};
};

// Names of what a reactor holds; never used again once it is gone. A default one names nothing.
struct ListenerId {
    std::uint64_t value = 0;
    friend bool operator==(const ListenerId&, const ListenerId&) = default;
};
struct TimerId {
    std::uint64_t value = 0;
    friend bool operator==(const TimerId&, const TimerId&) = default;
};

struct OffloadId {
    std::uint64_t value = 0;
    friend bool operator==(const OffloadId&, const OffloadId&) = default;
};

// Of every(): when the next call is due. A call that comes late, for whatever reason, is one call: the
// ticks it missed are left out, so that a loop that was held up is not busy catching up.
enum class Rate : std::uint8_t {
    fixed_rate,   // the start and a whole number of periods: does not drift, and keeps in step
    fixed_delay,  // a period after the last call returned: never two close to one another
};

struct Listening {
    ListenerId id;
    Endpoint local;  // with the real port
};

}  // namespace switchboard

// The handles that keep a reactor running: see active_handles().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace switchboard {

class Reactor;

struct LiveHandle {
    enum class Kind : std::uint8_t {
        listener,
        connection,
        datagram_socket,
        timer,
        offload,
        lookup,
        posts,  // all pending posts together
    };
    Kind kind;
    std::string what;  // "connection from tcp://127.0.0.1:40123 (open)"
    // The call that created it, such as "server.cpp:12". For accepted connections this is the call of
    // listen().
    std::string created_at;
    std::chrono::milliseconds age{};  // for connections, modulo 49 days
    std::size_t queued_bytes = 0;     // written bytes that the peer has not taken yet
};

// Returns what keeps run() from returning, oldest first, each with the call that created it. run() of a
// ReactorGroup may go on although this is empty. For the reactor's thread.
std::vector<LiveHandle> active_handles(const Reactor& reactor);

// Returns one line: "connection from tcp://127.0.0.1:40123 (open), made at server.cpp:12, 1.5 s old, 300
// bytes queued".
std::string to_string(const LiveHandle& handle);

}  // namespace switchboard

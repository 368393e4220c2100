// What keeps a reactor running, one by one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace switchboard {

// Where a call stands in the source: the last argument of what makes something that lives on, by default
// of the caller, and never to be passed. std::source_location, which clang 14 lacks.
struct Site {
    const char* file;
    unsigned line;
    static constexpr Site current(const char* file = __builtin_FILE(),
                                  unsigned line = __builtin_LINE()) noexcept {
        return {file, line};
    }
};

struct LiveHandle {
    enum class Kind : std::uint8_t {
        listener,
        connection,
        datagram_socket,
        timer,
        offload,
        lookup,
        posts,  // all that wait, together
    };
    Kind kind;
    std::string what;  // "connection from tcp://127.0.0.1:40123 (open)"
    std::string made;  // by which call, as "server.cpp:12"; of those accepted, that of listen()
    std::chrono::milliseconds age{};  // of a connection modulo 49 days
    std::size_t queued_bytes = 0;     // that wait for the peer to take them
};

// One line: "connection from tcp://127.0.0.1:40123 (open), made at server.cpp:12, 1.5 s old, 300 bytes
// queued".
std::string to_string(const LiveHandle& handle);

}  // namespace switchboard

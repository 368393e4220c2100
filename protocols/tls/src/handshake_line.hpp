// The line in which handshakes wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <switchboard/connection.hpp>

namespace switchboard::tls::detail {

// Lets a number of handshakes begin in each millisecond. Within a turn of a reactor the clock stands still,
// so this is also the number for a turn that takes longer. Threading: any thread.
class HandshakeLine {
public:
    explicit HandshakeLine(unsigned most) noexcept : most_(most) {}  // 0: no limit

    // Returns `now` if a handshake may begin, or else when to ask again. Those who ask first wait the
    // shortest time.
    Clock::time_point enter(Clock::time_point now) noexcept;

private:
    const std::uint64_t most_;
    std::atomic<std::uint64_t> last_{0};  // a millisecond of the clock, and how many asked in it
};

}  // namespace switchboard::tls::detail

// The state that the connections of one in-memory driver share, and the bytes in transit.
#pragma once

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <switchboard/testing/memory.hpp>
#include <vector>

namespace switchboard::testing {

// The state that all connections of one driver share.
struct World {
    explicit World(const NetworkFaults& w) : faults(w), random(w.seed) {}

    // Gives the same numbers with every standard library, which std::uniform_* does not.
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random() % bound); }
    bool chance(double probability) {
        return probability > 0 && static_cast<double>(random() >> 11) * 0x1p-53 < probability;
    }

    const NetworkFaults faults;
    std::mt19937_64 random;
    Clock::time_point now{std::chrono::hours(1)};
    std::uint64_t turn = 0;
    bool happened = false;  // something happened in this turn, or will in the next one
    bool draining = false;
};

// One direction of a connection: the bytes that the receiver has not read yet, in order, and the FIN or reset
// behind them. They are dropped when the receiver closes.
class Way {
public:
    static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

    std::size_t window = kUnlimited;  // most bytes in transit
    bool eof = false, reset = false;

    std::size_t size() const { return bytes_.size() - used_; }
    std::size_t room() const { return closed_ ? kUnlimited : window - std::min(window, size()); }
    bool closed() const { return closed_; }
    void push(Bytes bytes);
    std::vector<std::byte> pop(std::size_t count);
    void close();
    std::string& text() { return bytes_; }  // for receivers that never call pop()

private:
    std::string bytes_;
    std::size_t used_ = 0;
    bool closed_ = false;
};

}  // namespace switchboard::testing

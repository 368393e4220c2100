// What is sent, so that every byte of a reply can be checked without keeping the request.
#pragma once

#include <cstdint>
#include <switchboard/bytes.hpp>
#include <vector>

namespace switchboard::bench {

// An endless stream of fixed pseudo-random bytes per connection: all are the same cycle of a prime
// number of bytes, each entered elsewhere. So the messages of one connection differ (unless their
// size is a multiple of the cycle), and a reply that is late, doubled, cut or another's does not
// match.
class Pattern {
public:
    static constexpr std::size_t kCycle = 65'521;

    explicit Pattern(std::size_t longest);  // of the views at() is asked for, in bytes

    // Where the stream of the n-th connection enters the cycle.
    static std::uint64_t entry(std::size_t connection) noexcept;
    // Bytes [position, position + size) of the cycle repeated for ever; size <= longest.
    Bytes at(std::uint64_t position, std::size_t size) const noexcept;
    // Whether `bytes`, of any size, is what stands at `position`.
    bool matches(std::uint64_t position, Bytes bytes) const noexcept;

private:
    std::size_t longest_;
    std::vector<std::byte> bytes_;
};

}  // namespace switchboard::bench

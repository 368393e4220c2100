// What is sent, so that every byte of a reply can be checked without keeping the request.
#pragma once

#include <cstdint>
#include <switchboard/bytes.hpp>
#include <vector>

namespace switchboard::bench {

// An endless stream of bytes: a cycle, repeated for ever.
class Pattern {
public:
    // Of fixed pseudo-random bytes: a prime number of them, which each connection enters elsewhere. So
    // the messages of one connection differ (unless their size is a multiple of the cycle), and a
    // reply that is late, doubled, cut or another's does not match.
    static constexpr std::size_t kCycle = 65'521;

    // `longest` is of the views at() is asked for, in bytes.
    explicit Pattern(std::size_t longest);
    static Pattern text(std::size_t longest);     // the same of letters and digits, "-" and "_"
    static Pattern chargen(std::size_t longest);  // what such a server sends (RFC 864)

    std::size_t longest() const noexcept { return longest_; }
    // Where the stream of the n-th connection enters the cycle of the first two.
    static std::uint64_t entry(std::size_t connection) noexcept;
    // Bytes [position, position + size) of the cycle repeated for ever; size <= longest.
    Bytes at(std::uint64_t position, std::size_t size) const noexcept;
    // Whether `bytes`, of any size, is what stands at `position`.
    bool matches(std::uint64_t position, Bytes bytes) const noexcept;

private:
    Pattern(std::vector<std::byte> cycle, std::size_t longest);

    std::size_t cycle_, longest_;
    std::vector<std::byte> bytes_;
};

}  // namespace switchboard::bench

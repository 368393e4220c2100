// The bytes that a connection of a load sends and expects. Every byte of a reply can be checked without
// keeping the request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <switchboard/bytes.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::bench {

// An endless stream of bytes: a repeated cycle.
class Pattern {
public:
    // Fixed pseudo-random bytes. Their number is prime, and each connection enters the cycle elsewhere. So
    // the messages of one connection differ (unless their size is a multiple of the cycle), and a reply that
    // is late, doubled, cut or meant for another connection does not match.
    static constexpr std::size_t kCycle = 65'521;

    // `longest` is the most bytes that at() will be asked for.
    explicit Pattern(std::size_t longest);
    static Pattern text(std::size_t longest);     // the same with letters, digits, "-" and "_"
    static Pattern chargen(std::size_t longest);  // the output of such a server (RFC 864)

    Pattern xored(std::byte key) const;  // the same with each byte changed by XOR

    std::size_t longest() const noexcept { return longest_; }
    // Where the stream of the n-th connection enters the cycle; for the first two kinds of pattern.
    static std::uint64_t entry(std::size_t connection) noexcept;
    // Returns bytes [position, position + size) of the repeated cycle; size <= longest.
    Bytes at(std::uint64_t position, std::size_t size) const noexcept;
    // Whether `bytes`, of any size, equal the pattern at `position`.
    bool matches(std::uint64_t position, Bytes bytes) const noexcept;

private:
    Pattern(std::vector<std::byte> cycle, std::size_t longest);

    std::size_t cycle_, longest_;
    std::vector<std::byte> bytes_;
};

// A head of up to 14 bytes, then a stretch of a pattern, then perhaps a line feed. A value.
struct Message {
    std::array<std::byte, 14> head{};
    std::size_t head_size = 0;
    std::uint64_t position = 0;  // where its stretch begins in the pattern
    std::size_t body = 0;        // bytes of the stretch
    std::size_t period = 0;      // the stretch starts over after so many bytes; 0: never
    bool ends_line = false;

    std::size_t size() const noexcept { return head_size + body + (ends_line ? 1 : 0); }
    // Appends `value` to the head, big-endian.
    void add_to_head(std::uint32_t value) noexcept;

    // Writes it and returns its size. A message with a period can only be read.
    std::size_t write(Connection& connection, const Pattern& pattern) const;
    // Returns how many leading bytes of `in` equal this message from `offset` on, up to its end. If it could
    // be more, the next byte is wrong.
    std::size_t matching(const Pattern& pattern, std::size_t offset, Bytes in) const noexcept;

private:
    Bytes piece_at(const Pattern& pattern, std::size_t offset, std::size_t most) const noexcept;
};

}  // namespace switchboard::bench

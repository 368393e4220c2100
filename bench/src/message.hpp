// What a connection of a load sends and expects, told without holding it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <switchboard/bytes.hpp>
#include <switchboard/protocol.hpp>

#include "pattern.hpp"

namespace switchboard::bench {

// Some bytes of its own, then a stretch of a pattern, then perhaps a line feed. A value.
struct Message {
    std::array<std::byte, 8> head{};
    std::size_t head_size = 0;
    std::uint64_t position = 0;  // where its stretch begins in the pattern
    std::size_t body = 0;        // bytes of the stretch
    std::size_t period = 0;      // after so many bytes the stretch starts over; 0: never
    bool ends_line = false;

    std::size_t size() const noexcept { return head_size + body + (ends_line ? 1 : 0); }
    // Appends `value` to the head, big-endian.
    void add_to_head(std::uint32_t value) noexcept;

    // Writes it; one that starts over is for reading only.
    void write(Connection& connection, const Pattern& pattern) const;
    // How many leading bytes of `in` are those of this message from its `offset` on, up to its end.
    // Fewer than there could be: the next one is wrong.
    std::size_t matching(const Pattern& pattern, std::size_t offset, Bytes in) const noexcept;

private:
    Bytes piece_at(const Pattern& pattern, std::size_t offset, std::size_t most) const noexcept;
};

}  // namespace switchboard::bench

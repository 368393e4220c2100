#include "message.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace switchboard::bench {
namespace {

constexpr std::byte kLineFeed{'\n'};

}  // namespace

void Message::add_to_head(std::uint32_t value) noexcept {
    assert(head_size + 4 <= head.size());
    for (int shift = 24; shift >= 0; shift -= 8)
        head[head_size++] = static_cast<std::byte>(value >> shift);
}

void Message::write(Connection& connection, const Pattern& pattern) const {
    assert(period == 0);
    const std::array<Bytes, 3> pieces{Bytes(head).first(head_size), pattern.at(position, body),
                                      Bytes(&kLineFeed, ends_line ? 1 : 0)};
    connection.write(pieces);
}

// What stands at `offset`, in one piece: all of it, or less.
Bytes Message::piece_at(const Pattern& pattern, std::size_t offset,
                        std::size_t most) const noexcept {
    if (offset < head_size) return Bytes(head).subspan(offset, std::min(head_size - offset, most));
    const std::size_t in_body = offset - head_size;
    if (in_body == body) return {&kLineFeed, ends_line ? 1U : 0U};
    const std::size_t in_stretch = period == 0 ? in_body : in_body % period;
    const std::size_t stretch = period == 0 ? body : std::min(period, in_stretch + body - in_body);
    const std::size_t size = std::min({stretch - in_stretch, most, pattern.longest()});
    return pattern.at(position + in_stretch, size);
}

std::size_t Message::matching(const Pattern& pattern, std::size_t offset, Bytes in) const noexcept {
    std::size_t matched = 0;
    const std::size_t most = std::min(in.size(), size() - offset);
    while (matched < most) {
        const Bytes piece = piece_at(pattern, offset + matched, most - matched);
        if (std::memcmp(piece.data(), in.data() + matched, piece.size()) != 0) break;
        matched += piece.size();
    }
    return matched;
}

}  // namespace switchboard::bench

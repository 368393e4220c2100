#include "workload/message.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <random>
#include <string_view>

namespace switchboard::bench {
namespace {

std::vector<std::byte> random_cycle() {
    std::vector<std::byte> cycle(Pattern::kCycle);
    std::mt19937 random(20'240'817);  // any fixed seed, so that failures repeat
    for (std::byte& byte : cycle) byte = static_cast<std::byte>(random() >> 24);
    return cycle;
}

constexpr std::byte kLineFeed{'\n'};

}  // namespace

Pattern::Pattern(std::size_t longest) : Pattern(random_cycle(), longest) {}

Pattern::Pattern(std::vector<std::byte> cycle, std::size_t longest)
    : cycle_(cycle.size()), longest_(std::max<std::size_t>(longest, 1)), bytes_(std::move(cycle)) {
    bytes_.resize(cycle_ + longest_);
    for (std::size_t i = cycle_; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - cycle_];
}

Pattern Pattern::text(std::size_t longest) {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    auto cycle = random_cycle();
    for (std::byte& byte : cycle)
        byte = static_cast<std::byte>(kLetters[static_cast<std::size_t>(byte) % kLetters.size()]);
    return {std::move(cycle), longest};
}

Pattern Pattern::chargen(std::size_t longest) {
    constexpr std::size_t kPrinting = 95, kColumns = 72;  // from ' ' to '~'
    std::vector<std::byte> cycle;
    for (std::size_t line = 0; line < kPrinting; ++line) {
        for (std::size_t i = 0; i < kColumns; ++i)
            cycle.push_back(static_cast<std::byte>(' ' + (line + i) % kPrinting));
        cycle.insert(cycle.end(), {std::byte{'\r'}, std::byte{'\n'}});
    }
    return {std::move(cycle), longest};
}

Pattern Pattern::xored(std::byte key) const {
    Pattern other = *this;
    for (std::byte& byte : other.bytes_) byte ^= key;
    return other;
}

std::uint64_t Pattern::entry(std::size_t connection) noexcept {
    return connection * std::uint64_t{40'503} % kCycle;  // coprime: 65,521 different entries
}

Bytes Pattern::at(std::uint64_t position, std::size_t size) const noexcept {
    assert(size <= longest_);
    return Bytes(bytes_).subspan(position % cycle_, size);
}

bool Pattern::matches(std::uint64_t position, Bytes bytes) const noexcept {
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), longest_);
        if (std::memcmp(at(position, size).data(), bytes.data(), size) != 0) return false;
        position += size;
        bytes = bytes.subspan(size);
    }
    return true;
}

void Message::add_to_head(std::uint32_t value) noexcept {
    assert(head_size + 4 <= head.size());
    for (int shift = 24; shift >= 0; shift -= 8)
        head[head_size++] = static_cast<std::byte>(value >> shift);
}

std::size_t Message::write(Connection& connection, const Pattern& pattern) const {
    assert(period == 0);
    const std::array<Bytes, 3> pieces{Bytes(head).first(head_size), pattern.at(position, body),
                                      Bytes(&kLineFeed, ends_line ? 1 : 0)};
    connection.write(pieces);
    return size();
}

// Returns the contiguous bytes at `offset`: at most `most`, perhaps fewer.
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

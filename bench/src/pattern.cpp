#include "pattern.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <random>

namespace switchboard::bench {

Pattern::Pattern(std::size_t longest) : longest_(std::max<std::size_t>(longest, 1)) {
    bytes_.resize(kCycle + longest_);
    std::mt19937 random(20'240'817);  // any fixed seed: a failure must replay
    for (std::size_t i = 0; i < kCycle; ++i) bytes_[i] = static_cast<std::byte>(random() >> 24);
    for (std::size_t i = kCycle; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - kCycle];
}

std::uint64_t Pattern::entry(std::size_t connection) noexcept {
    return connection * std::uint64_t{40'503} % kCycle;  // coprime: 65,521 different entries
}

Bytes Pattern::at(std::uint64_t position, std::size_t size) const noexcept {
    assert(size <= longest_);
    return Bytes(bytes_).subspan(position % kCycle, size);
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

}  // namespace switchboard::bench

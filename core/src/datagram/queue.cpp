#include "queue.hpp"

namespace switchboard::detail {

bool DatagramQueue::push(const DatagramAddress& to, std::span<const Bytes> pieces,
                         std::size_t size) noexcept {
    const std::size_t offset = bytes_.size();
    try {
        for (const Bytes piece : pieces) bytes_.append(as_text(piece));
        entries_.push_back({.to = to, .size = static_cast<std::uint32_t>(size), .offset = offset});
    } catch (...) {
        bytes_.resize(offset);
        return false;
    }
    weight_ += size + kOverhead;
    return true;
}

void DatagramQueue::pop(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) weight_ -= at(i).size + kOverhead;
    head_ += count;
    popped_ += count;
    if (empty()) {
        entries_.clear();
        bytes_.clear();
        head_ = 0;
    } else if (head_ > entries_.size() / 2) {
        compact();
    }
}

void DatagramQueue::compact() noexcept {
    const std::size_t gone = entries_[head_].offset;
    bytes_.erase(0, gone);
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    for (Entry& entry : entries_) entry.offset -= gone;
    head_ = 0;
}

}  // namespace switchboard::detail

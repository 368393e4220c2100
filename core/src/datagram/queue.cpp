#include "queue.hpp"

namespace switchboard::detail {

void DatagramQueue::push(const DatagramPeer& to, std::span<const Bytes> pieces, std::size_t size) {
    Entry& entry = entries_.emplace_back();
    entry.to = to;
    entry.size = static_cast<std::uint32_t>(size);
    entry.offset = bytes_.size();
    for (const Bytes piece : pieces) bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    weight_ += size + kOverhead;
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
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(gone));
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    for (Entry& entry : entries_) entry.offset -= gone;
    head_ = 0;
}

}  // namespace switchboard::detail

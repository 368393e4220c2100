#include "timing_wheel.hpp"

#include <bit>

namespace switchboard::detail {

void WheelNode::unlink() noexcept {
    if (!filed()) return;
    next_->prev_ = prev_;
    prev_->next_ = next_;
    next_ = prev_ = nullptr;
}

void WheelNode::insert_before(WheelNode& other) noexcept {
    next_ = &other;
    prev_ = other.prev_;
    prev_->next_ = this;
    other.prev_ = this;
}

TimingWheel::TimingWheel(std::uint32_t now) noexcept : now_(now), until_(now) {
    for (Level& level : levels_) {
        for (WheelNode& head : level.slots) head.next_ = head.prev_ = &head;
    }
}

void TimingWheel::file(WheelNode& node, std::uint32_t tick) noexcept {
    node.unlink();
    const bool ahead = static_cast<std::int32_t>(tick - until_) > 0;
    node.tick_ = ahead ? tick : until_ + 1;
    place(node);
}

void TimingWheel::place(WheelNode& node) noexcept {
    const std::uint32_t differs = (node.tick_ ^ now_) | 1;
    const unsigned level = (31U - static_cast<unsigned>(std::countl_zero(differs))) / kBits;
    const unsigned at = slot(node.tick_, level);
    node.insert_before(levels_[level].slots[at]);
    levels_[level].occupied |= std::uint64_t{1} << at;
}

// Returns the start of the first occupied slot. Below the top level, all occupied slots are after the current
// one. The top level wraps like the ticks, so its scan starts at the current slot.
std::optional<std::uint32_t> TimingWheel::first_of(unsigned level) noexcept {
    Level& l = levels_[level];
    const unsigned shift = level * kBits;
    const bool top = level + 1 == kLevels;
    const unsigned size = top ? 1U << (32 - shift) : kSlots;
    for (unsigned i = 0; l.occupied != 0 && i < size; ++i) {
        const unsigned from = top ? (slot(now_, level) + i) % size
                                  : static_cast<unsigned>(std::countr_zero(l.occupied));
        if ((l.occupied >> from & 1) == 0) continue;
        WheelNode& head = l.slots[from];
        if (head.next_ != &head) {
            const std::uint32_t above = top ? 0 : now_ >> (shift + kBits) << (shift + kBits);
            return above | from << shift;
        }
        l.occupied &= ~(std::uint64_t{1} << from);
    }
    return std::nullopt;
}

std::optional<std::uint32_t> TimingWheel::next_slot() noexcept {
    for (unsigned level = 0; level < kLevels; ++level) {
        if (const auto tick = first_of(level)) return tick;
    }
    return std::nullopt;
}

// An entry that is alone in its slot takes no wake-up just to move to a lower level.
std::optional<std::uint32_t> TimingWheel::next() noexcept {
    for (unsigned level = 0; level < kLevels; ++level) {
        const auto start = first_of(level);
        if (!start) continue;
        const WheelNode& head = levels_[level].slots[slot(*start, level)];
        return head.next_ == head.prev_ ? head.next_->tick_ : *start;
    }
    return std::nullopt;
}

// Moves the entries in the current slot of each higher level to a lower level.
void TimingWheel::cascade() noexcept {
    for (unsigned level = kLevels - 1; level > 0; --level) {
        WheelNode& head = levels_[level].slots[slot(now_, level)];
        while (head.next_ != &head) {
            WheelNode& node = *head.next_;
            node.unlink();
            place(node);
        }
        levels_[level].occupied &= ~(std::uint64_t{1} << slot(now_, level));
    }
}

WheelNode* TimingWheel::take() noexcept {
    WheelNode& head = levels_[0].slots[slot(now_, 0)];
    if (head.next_ == &head) return nullptr;
    WheelNode* node = head.next_;
    node->unlink();
    return node;
}

}  // namespace switchboard::detail

// A hierarchical timing wheel: filing, moving and removing an entry is O(1), whatever is armed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace switchboard::detail {

// Base of what can be filed. Unlinks itself when destroyed. The kind tells its owner, who gets it
// back when it is due, what it is the base of; it lies in what would be padding.
class WheelNode {
public:
    enum class Kind : std::uint8_t { other, connection, timer, datagram };

    explicit WheelNode(Kind kind = Kind::other) noexcept : kind_(kind) {}
    WheelNode(const WheelNode&) = delete;
    WheelNode& operator=(const WheelNode&) = delete;
    ~WheelNode() { unlink(); }

    bool filed() const noexcept { return next_ != nullptr; }
    std::uint32_t tick() const noexcept { return tick_; }  // where it is filed
    Kind kind() const noexcept { return kind_; }

private:
    friend class TimingWheel;
    void unlink() noexcept;
    void insert_before(WheelNode& other) noexcept;

    WheelNode* next_ = nullptr;
    WheelNode* prev_ = nullptr;
    std::uint32_t tick_ = 0;
    Kind kind_;
};

// Ticks are 32-bit and wrap; what is filed must be at most kHorizon ahead. An entry in level L lies
// in the wheel by the highest group of six bits in which its tick differs from the current one, so
// everything in a lower level comes before anything in a higher one, and finding the next is a bit
// scan. Entries come down a level each time the wheel reaches their slot. One thread.
class TimingWheel {
public:
    static constexpr std::uint32_t kHorizon = 1U << 31;

    explicit TimingWheel(std::uint32_t now = 0) noexcept;

    std::uint32_t now() const noexcept { return now_; }
    // Files at `tick`, or moves there; a tick that is not ahead becomes the next one.
    void file(WheelNode& node, std::uint32_t tick) noexcept;
    void remove(WheelNode& node) noexcept { node.unlink(); }
    // When to advance. No later than the first entry, often earlier if others lie near it; nothing if the
    // wheel is empty.
    std::optional<std::uint32_t> next() noexcept;
    // Moves on to `now`, unfiling what came and handing it to `expired`, in order of ticks. That may
    // file, move and remove any entry; what it files comes in a later advance, so that an entry
    // filed again and again cannot hold this one for ever. Nor can many: after `most` of them it answers
    // false, and the next advance begins with those that are left.
    template <class Expired>
    bool advance(std::uint32_t now, Expired&& expired, std::size_t most = SIZE_MAX) {
        until_ = now;
        while (const auto tick = next_slot()) {
            if (static_cast<std::int32_t>(*tick - now) > 0) break;
            now_ = *tick;
            cascade();
            while (WheelNode* node = most > 0 ? take() : nullptr) {
                expired(*node);
                --most;
            }
            if (most == 0) return false;
        }
        now_ = now;
        return true;
    }

private:
    static constexpr unsigned kBits = 6, kSlots = 1U << kBits, kLevels = 6;

    struct Level {
        std::uint64_t occupied = 0;
        std::array<WheelNode, kSlots> slots;
    };

    static unsigned slot(std::uint32_t tick, unsigned level) noexcept {
        return (tick >> (level * kBits)) & (kSlots - 1);
    }
    std::optional<std::uint32_t> first_of(unsigned level) noexcept;
    std::optional<std::uint32_t> next_slot() noexcept;
    void place(WheelNode& node) noexcept;
    void cascade() noexcept;
    WheelNode* take() noexcept;  // one entry that is due now, unfiled

    std::uint32_t now_;
    std::uint32_t until_;  // where this advance ends, or the one that was cut short
    std::array<Level, kLevels> levels_;
};

}  // namespace switchboard::detail

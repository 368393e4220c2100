// A hierarchical timing wheel: filing, moving and removing an entry takes O(1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace switchboard::detail {

// Base class of entries. Unlinks itself when destroyed. The owner of the wheel gets the node when it is due;
// the kind says which class it belongs to. The kind takes no memory, because it fills padding.
class WheelNode {
public:
    enum class Kind : std::uint8_t { other, connection, timer, datagram };

    explicit WheelNode(Kind kind = Kind::other) noexcept : kind_(kind) {}
    WheelNode(const WheelNode&) = delete;
    WheelNode& operator=(const WheelNode&) = delete;
    ~WheelNode() { unlink(); }

    bool filed() const noexcept { return next_ != nullptr; }
    std::uint32_t tick() const noexcept { return tick_; }  // the tick it is filed at
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

// Ticks are 32-bit numbers and wrap; entries must be at most kHorizon ahead. The level of an entry is the
// highest group of six bits in which its tick differs from the current tick. So all entries of a lower level
// are due before those of a higher one, and a bit scan finds the next one. When the wheel reaches the slot of
// an entry, the entry moves to a lower level. Threading: one thread.
class TimingWheel {
public:
    static constexpr std::uint32_t kHorizon = 1U << 31;

    explicit TimingWheel(std::uint32_t now = 0) noexcept;

    std::uint32_t now() const noexcept { return now_; }
    // Files the node at `tick`, or moves it there. A tick that is not ahead becomes the next tick.
    void file(WheelNode& node, std::uint32_t tick) noexcept;
    void remove(WheelNode& node) noexcept { node.unlink(); }
    // Returns when to advance: no later than the first entry, and often earlier if others are near it. Empty
    // if the wheel is empty.
    std::optional<std::uint32_t> next() noexcept;
    // Advances to `now`. Removes the entries that are due and passes them to `expired`, in the order of their
    // ticks. `expired` may file, move and remove any entry. Entries that it files expire in a later
    // advance(), so that an entry that is filed again and again does not keep this call from returning. After
    // `most` entries it returns false; the next advance() begins with those that are left.
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
    WheelNode* take() noexcept;  // removes and returns an entry that is due; or null

    std::uint32_t now_;
    std::uint32_t until_;  // the `now` of the current or last advance()
    std::array<Level, kLevels> levels_;
};

}  // namespace switchboard::detail

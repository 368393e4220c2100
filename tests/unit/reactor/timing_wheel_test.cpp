#include "loop/timing_wheel.hpp"

#include <doctest/doctest.h>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

using switchboard::detail::TimingWheel;
using switchboard::detail::WheelNode;

namespace {

struct Entry : WheelNode {
    std::uint64_t due = 0;  // does not wrap around
};

// Compares the wheel with a sorted map of 64-bit times. Every difference is a failure.
class Model {
public:
    Model(std::uint64_t start, unsigned seed)
        : now_(start), random_(seed), wheel_(static_cast<std::uint32_t>(start)) {}

    void file(Entry& entry, std::uint64_t due) {
        forget(entry);
        entry.due = std::max(due, now_ + 1);
        wheel_.file(entry, static_cast<std::uint32_t>(due));
        map_.emplace(entry.due, &entry);
    }
    void remove(Entry& entry) {
        forget(entry);
        wheel_.remove(entry);
    }
    void advance(std::uint64_t to) {
        const std::uint64_t before = now_;
        std::uint64_t last = before;
        now_ = to;
        wheel_.advance(static_cast<std::uint32_t>(to), [&](WheelNode& node) {
            auto& entry = static_cast<Entry&>(node);
            CHECK_FALSE(entry.filed());
            CHECK(entry.due <= to);
            CHECK(entry.due >= last);  // in order
            last = entry.due;
            forget(entry);
        });
        CHECK((map_.empty() || map_.begin()->first > to));  // none is late
    }
    void check_next() {
        const auto next = wheel_.next();
        REQUIRE(next.has_value() == !map_.empty());
        if (!next) return;
        const std::uint32_t ahead = *next - static_cast<std::uint32_t>(now_);
        CHECK(ahead >= 1);
        CHECK(ahead <= map_.begin()->first - now_);
    }
    // Returns a random distance, near or far with equal probability.
    std::uint64_t some_distance() { return random_() % (std::uint64_t{1} << (random_() % 31)); }
    std::uint64_t now() const { return now_; }
    std::size_t pick(std::size_t size) { return random_() % size; }

private:
    void forget(Entry& entry) {
        for (auto [at, end] = map_.equal_range(entry.due); at != end; ++at)
            if (at->second == &entry) {
                map_.erase(at);
                return;
            }
    }

    std::uint64_t now_;
    std::mt19937 random_;
    std::multimap<std::uint64_t, Entry*> map_;
    TimingWheel wheel_;
};

}  // namespace

TEST_CASE(
    "timing wheel: entries that are filed, moved and removed come in order, never early or late") {
    constexpr std::uint64_t wrap = std::uint64_t{1} << 32;
    for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{1234567}, wrap - 100'000,
                                      wrap / 2 - 5, wrap - (1U << 30) - 1}) {
        for (unsigned seed = 0; seed < 8; ++seed) {
            CAPTURE(start);
            CAPTURE(seed);
            std::deque<Entry> entries(60);
            Model model(start, seed);
            for (int step = 0; step < 3000; ++step) {
                Entry& entry = entries[model.pick(entries.size())];
                switch (model.pick(4)) {
                    case 0:
                    case 1: model.file(entry, model.now() + model.some_distance()); break;
                    case 2: model.remove(entry); break;
                    default: model.advance(model.now() + model.some_distance() / 4);
                }
                model.check_next();
            }
        }
    }
}

TEST_CASE("timing wheel: an entry that is filed during an advance waits for the next advance") {
    TimingWheel wheel(10);
    Entry entry;
    int times = 0;
    wheel.file(entry, 12);
    wheel.advance(100, [&](WheelNode& node) {
        ++times;
        wheel.file(node, 50);
    });
    CHECK(times == 1);
    CHECK(entry.tick() == 101);
    wheel.advance(101, [&](WheelNode&) { ++times; });
    CHECK(times == 2);
}

TEST_CASE("timing wheel: an entry may remove, move and destroy others of the same tick") {
    TimingWheel wheel;
    auto doomed = std::make_unique<Entry>();
    Entry first, removed, moved;
    for (Entry* entry : {&first, &removed, &moved, doomed.get()}) wheel.file(*entry, 5);
    std::vector<WheelNode*> came;
    wheel.advance(5, [&](WheelNode& node) {
        came.push_back(&node);
        if (&node != &first) return;
        wheel.remove(removed);
        wheel.file(moved, 7);
        doomed.reset();
    });
    CHECK(came == std::vector<WheelNode*>{&first});
    wheel.advance(7, [&](WheelNode& node) { came.push_back(&node); });
    CHECK(came == std::vector<WheelNode*>{&first, &moved});
    CHECK_FALSE(wheel.next());
}

TEST_CASE("timing wheel: entries of one tick come in the order in which they were filed") {
    TimingWheel wheel;
    std::deque<Entry> entries(5);
    std::vector<WheelNode*> filed, came;
    for (Entry& entry : entries) {
        wheel.file(entry, 100'000);
        filed.push_back(&entry);
    }
    wheel.advance(200'000, [&](WheelNode& node) { came.push_back(&node); });
    CHECK(came == filed);
}

TEST_CASE("timing wheel: an entry that is not in the future comes with the next tick") {
    TimingWheel wheel(1000);
    Entry past, present;
    wheel.file(past, 3);
    wheel.file(present, 1000);
    int times = 0;
    wheel.advance(1000, [&](WheelNode&) { ++times; });
    CHECK(times == 0);
    wheel.advance(1001, [&](WheelNode&) { ++times; });
    CHECK(times == 2);
}

TEST_CASE("timing wheel: the horizon, from every quarter of the ticks") {
    for (const std::uint32_t start : {0U, 1U << 30, 1U << 31, 3U << 30, 0xffffffffU}) {
        CAPTURE(start);
        TimingWheel wheel(start);
        Entry entry;
        wheel.file(entry, start + TimingWheel::kHorizon - 1);
        int times = 0;
        const auto count = [&](WheelNode&) { ++times; };
        for (std::uint32_t step = 1; step < 8; ++step) {
            wheel.advance(start + step * ((1U << 28) - 1), count);
            CHECK(times == 0);
        }
        wheel.advance(start + TimingWheel::kHorizon - 2, count);
        CHECK(times == 0);
        wheel.advance(start + TimingWheel::kHorizon - 1, count);
        CHECK(times == 1);
    }
}

TEST_CASE("timing wheel: advancing over long empty times takes few steps") {
    // In each step an entry moves down one level. So it needs a few steps, not one per tick.
    TimingWheel wheel;
    std::deque<Entry> entries(1000);
    std::uint32_t tick = 0;
    for (Entry& entry : entries) wheel.file(entry, tick += 2'000'000);
    int steps = 0, came = 0;
    while (const auto next = wheel.next()) {
        ++steps;
        wheel.advance(*next, [&](WheelNode&) { ++came; });
    }
    CHECK(came == 1000);
    CHECK(steps <= 1000 * 6);
}

TEST_CASE("timing wheel: an entry that is alone in its slot needs a single advance") {
    for (const std::uint32_t due : {1U, 100U, 5'000U, 3'600'000U, TimingWheel::kHorizon - 1}) {
        TimingWheel wheel(7);
        Entry entry, other;
        wheel.file(entry, 7 + due);
        CHECK(wheel.next() == 7 + due);
        wheel.file(other, 7 + due);
        wheel.remove(other);
        CHECK(wheel.next() == 7 + due);
    }
}

// The token bucket without a connection. It must be exact for the lowest and the highest rates.
#include <doctest/doctest.h>

#include <random>
#include <rate_bucket.hpp>
#include <rate_gate.hpp>
#include <switchboard/throttle.hpp>

using namespace switchboard;
using namespace switchboard::detail;
using namespace std::chrono_literals;

namespace {

__extension__ using Wide = unsigned __int128;

const Clock::time_point kStart{1h};

const std::uint64_t kRates[] = {1,
                                3,
                                999,
                                1'000'000'007,
                                100'000'000'000,
                                ThrottleOptions::kMostRate - 1,
                                ThrottleOptions::kMostRate};

// Returns floor(rate * time), computed with enough bits.
std::int64_t earned(std::uint64_t rate, std::chrono::nanoseconds time) {
    return static_cast<std::int64_t>(Wide{rate} * static_cast<std::uint64_t>(time.count()) /
                                     1'000'000'000);
}

}  // namespace

TEST_CASE("rate bucket: the earned amount is exact, however often it is queried") {
    for (const std::uint64_t rate : kRates) {
        CAPTURE(rate);
        RateBucket bucket(detail::Rate::of(rate, 1h));
        bucket.fill(kStart);
        const std::int64_t full = bucket.level();
        bucket.spend(static_cast<std::uint64_t>(full) * 2);
        std::mt19937_64 random(rate);
        auto now = kStart;
        while (now < kStart + 100s) {
            now += std::chrono::nanoseconds(1 + random() % 50'000'000);
            bucket.fill(now);
            REQUIRE(bucket.level() == earned(rate, now - kStart) - full);
        }
    }
}

TEST_CASE("rate bucket: a level is reached exactly to the nanosecond") {
    for (const std::uint64_t rate : kRates) {
        CAPTURE(rate);
        std::mt19937_64 random(rate);
        for (int i = 0; i < 1000; ++i) {
            RateBucket bucket(detail::Rate::of(rate, 10s));
            bucket.fill(kStart);
            bucket.spend(random() % static_cast<std::uint64_t>(2 * bucket.level()) + 1);
            bucket.fill(kStart + std::chrono::nanoseconds(random() % 1'000'000'000));
            const std::int64_t wanted = bucket.level() + 1 + static_cast<std::int64_t>(i % 7);
            if (wanted > static_cast<std::int64_t>(detail::Rate::of(rate, 10s).burst)) continue;
            const auto when = bucket.reaches(wanted);
            RateBucket early = bucket;
            early.fill(when - 1ns);
            CHECK(early.level() < wanted);
            bucket.fill(when);
            CHECK(bucket.level() >= wanted);
        }
    }
}

TEST_CASE("rate bucket: it holds at most its burst, and starts full") {
    for (const std::uint64_t rate : kRates) {
        CAPTURE(rate);
        const auto burst = static_cast<std::int64_t>(detail::Rate::of(rate, 100ms).burst);
        CHECK(burst == std::max<std::int64_t>(2, static_cast<std::int64_t>(rate) / 10));
        RateBucket bucket(detail::Rate::of(rate, 100ms));
        bucket.fill(kStart);
        CHECK(bucket.level() == burst);
        bucket.spend(1);
        for (const auto later : {kStart + 24h * 365 * 50, Clock::time_point::max()}) {
            bucket.fill(later);
            CHECK(bucket.level() == burst);
        }
        bucket.give_back(5);
        CHECK(bucket.level() == burst);
    }
}

TEST_CASE(
    "rate bucket: very long times do not overflow, and a clock that goes back has no effect") {
    RateBucket bucket(detail::Rate::of(1, 1ms));
    bucket.fill(kStart);
    bucket.spend(std::uint64_t{1} << 62);
    CHECK(bucket.reaches(0) > kStart + 24h * 365 * 50);
    bucket.fill(kStart - 1h);
    CHECK(bucket.reaches(0) > kStart + 24h * 365 * 50);
    bucket.fill(kStart + 10s);
    CHECK(bucket.level() == 2 + 10 - (std::int64_t{1} << 62));
}

TEST_CASE("rate line: turns come in the order of asking, at the rate") {
    RateLine line(detail::Rate::of(1'000'000, 100ms));  // turns of 1,460 bytes
    RateLine::Place first;
    while (first.bytes == 0) line.take(kStart, 1'460, first);
    RateLine::Place second, third;
    CHECK(line.take(kStart, 10'000, second) == 0);
    CHECK(line.take(kStart, 10, third) == 0);
    CHECK(second.due - first.due == 1'460us);
    CHECK(third.due - second.due == 10us);
    CHECK(line.take(first.due - 1ns, 1'460, first) == 0);
    CHECK(line.take(second.due, 10'000, second) == 1'460);
    CHECK(line.take(third.due - 1ns, 10, third) == 0);
    CHECK(line.take(kStart + 1s, 1, third) == 1);
}

TEST_CASE("rate line: leaving frees a place for the next, and latecomers get no extra share") {
    RateLine line(detail::Rate::of(1'000'000, 100ms));
    std::vector<RateLine::Place> places(200);
    std::size_t passed = 0;
    for (auto& place : places) passed += line.take(kStart, 1'460, place);
    CHECK(passed <= 100'000);
    const auto last = places.back().due;
    for (std::size_t i = 0; i + 1 < places.size(); ++i) line.leave(places[i]);
    RateLine::Place next;
    CHECK(line.take(kStart, 1'460, next) == 0);
    CHECK(next.due < last);
    line.leave(next);

    std::size_t late = 0;
    for (auto& place : places) late += line.take(kStart + 1h, 1'460, place);
    CHECK(late <= 100'000);
    CHECK(late > 90'000);
}

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <workload/message.hpp>

using switchboard::Bytes;
using switchboard::bench::Pattern;

namespace {

std::string text_at(const Pattern& pattern, std::uint64_t position, std::size_t size) {
    return std::string(switchboard::as_text(pattern.at(position, size)));
}

}  // namespace

TEST_CASE("bench pattern: views join into one endless stream, also over the end of the cycle") {
    const Pattern pattern(64);
    std::string joined;
    for (std::uint64_t at = 0; at < 2 * Pattern::kCycle; at += 37)
        joined += text_at(pattern, at, 37);
    for (const std::uint64_t at : {0U, 5U, 65'000U, 65'500U, 70'000U}) {
        CHECK(text_at(pattern, at, 64) == joined.substr(at, 64));
    }
    CHECK(joined.substr(0, 1000) == joined.substr(Pattern::kCycle, 1000));
}

TEST_CASE("bench pattern: any wrong byte is detected, also in pieces longer than a view") {
    const Pattern pattern(16);
    std::string bytes;
    for (std::uint64_t at = 65'400; at < 65'700; ++at) bytes += text_at(pattern, at, 1);
    CHECK(pattern.matches(65'400, switchboard::as_bytes(bytes)));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(bytes[i] ^ 1);
        REQUIRE_FALSE(pattern.matches(65'400, switchboard::as_bytes(bytes)));
        bytes[i] = static_cast<char>(bytes[i] ^ 1);
    }
    CHECK(pattern.matches(0, Bytes{}));
}

TEST_CASE("bench pattern: messages of one connection, and the first ones of many, all differ") {
    const Pattern pattern(64);
    std::set<std::string> seen;
    for (std::uint64_t i = 0; i < 1'000; ++i) seen.insert(text_at(pattern, i * 64, 64));
    CHECK(seen.size() == 1'000);
    seen.clear();
    for (std::size_t i = 0; i < 20'000; ++i) seen.insert(text_at(pattern, Pattern::entry(i), 64));
    CHECK(seen.size() == 20'000);
}

TEST_CASE("bench pattern: a late, doubled or shifted reply does not match") {
    const Pattern pattern(64);
    CHECK_FALSE(pattern.matches(64, pattern.at(0, 64)));
    CHECK_FALSE(pattern.matches(0, pattern.at(1, 64)));
    CHECK_FALSE(pattern.matches(Pattern::entry(1), pattern.at(Pattern::entry(2), 64)));
}

#include "utf8.hpp"

#include "base/lanes.hpp"

namespace switchboard::websocket::detail {
namespace {

using switchboard::detail::Lanes;
using switchboard::detail::load_lanes;

constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080U;

bool is_ascii(Lanes lanes) noexcept {
    return ((lanes[0] | lanes[1]) & kHighBits) == 0;
}

bool is_ascii64(const std::uint8_t* at) noexcept {
    return is_ascii((load_lanes(at) | load_lanes(at + 16)) |
                    (load_lanes(at + 32) | load_lanes(at + 48)));
}

const std::uint8_t* skip_ascii(const std::uint8_t* at, const std::uint8_t* end) noexcept {
    while (end - at >= 64 && is_ascii64(at)) at += 64;
    while (end - at >= 16 && is_ascii(load_lanes(at))) at += 16;
    while (at != end && *at < 0x80) ++at;
    return at;
}

bool is_tail(std::uint8_t byte) noexcept {
    return (byte & 0xc0U) == 0x80;
}

// Returns the length of the character at `at`, of which four bytes may be read; 0 if it is wrong.
std::size_t whole_character(const std::uint8_t* at) noexcept {
    const std::uint8_t first = at[0];
    if (first < 0xc2 || !is_tail(at[1])) return 0;
    if (first < 0xe0) return 2;
    if (!is_tail(at[2])) return 0;
    if (first == 0xe0) return at[1] >= 0xa0 ? 3 : 0;  // shorter forms exist below
    if (first == 0xed) return at[1] <= 0x9f ? 3 : 0;  // surrogates
    if (first < 0xf0) return 3;
    if (first > 0xf4 || !is_tail(at[3])) return 0;
    if (first == 0xf0) return at[1] >= 0x90 ? 4 : 0;
    if (first == 0xf4) return at[1] <= 0x8f ? 4 : 0;  // above U+10FFFF
    return 4;
}

}  // namespace

bool Utf8::begin(std::uint8_t byte) noexcept {
    low_ = 0x80;
    high_ = 0xbf;
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (byte < 0xe0) {
        wanted_ = 1;
    } else if (byte < 0xf0) {
        wanted_ = 2;
        if (byte == 0xe0) low_ = 0xa0;
        if (byte == 0xed) high_ = 0x9f;
    } else {
        wanted_ = 3;
        if (byte == 0xf0) low_ = 0x90;
        if (byte == 0xf4) high_ = 0x8f;
    }
    return true;
}

// Reads the rest of a character that has begun. Returns where it stopped, or null if a byte is wrong.
const std::uint8_t* Utf8::finish(const std::uint8_t* at, const std::uint8_t* end) noexcept {
    for (; wanted_ != 0 && at != end; ++at, --wanted_) {
        if (*at < low_ || *at > high_) return nullptr;
        low_ = 0x80;
        high_ = 0xbf;
    }
    return at;
}

bool Utf8::add(Bytes part) noexcept {
    const auto* at = reinterpret_cast<const std::uint8_t*>(part.data());
    const auto* const end = at + part.size();
    at = finish(at, end);
    while (at != nullptr && at != end) {
        if (*at < 0x80) {
            at = skip_ascii(at, end);
        } else if (end - at >= 4) {
            const std::size_t size = whole_character(at);
            if (size == 0) return false;
            at += size;
        } else {
            if (!begin(*at)) return false;
            at = finish(at + 1, end);
        }
    }
    return at != nullptr || part.data() == nullptr;
}

}  // namespace switchboard::websocket::detail

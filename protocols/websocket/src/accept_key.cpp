#include "accept_key.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "random_masks.hpp"

namespace switchboard::websocket::detail {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t three = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        for (std::size_t i = 0; i < 3; ++i) three = three << 8U | (i < count ? bytes[at + i] : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= count ? kAlphabet[three >> (18 - 6 * i) & 63U] : '=';
    }
    return text;
}

// SHA-1 (RFC 3174). It protects nothing here: it shows that the server has understood the request (10.8).
using State = std::array<std::uint32_t, 5>;

std::uint32_t round_function(std::size_t round, const State& s) {
    if (round < 20) return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999U;
    if (round < 40) return (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1U;
    if (round < 60) return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdcU;
    return (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6U;
}

void add_block(State& state, std::span<const std::uint8_t, 64> block) {
    std::array<std::uint32_t, 80> words{};
    for (std::size_t i = 0; i < 64; ++i) words[i / 4] = words[i / 4] << 8U | block[i];
    for (std::size_t i = 16; i < 80; ++i)
        words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    State s = state;
    for (std::size_t i = 0; i < 80; ++i) {
        const std::uint32_t next = std::rotl(s[0], 5) + round_function(i, s) + s[4] + words[i];
        s = {next, s[0], std::rotl(s[1], 30), s[2], s[3]};
    }
    for (std::size_t i = 0; i < 5; ++i) state[i] += s[i];
}

std::array<std::uint8_t, 20> sha1(std::string text) {
    const std::uint64_t bits = text.size() * 8;
    text += '\x80';
    while (text.size() % 64 != 56) text += '\0';
    for (unsigned shift = 64; shift > 0; shift -= 8)
        text += static_cast<char>(bits >> (shift - 8) & 0xffU);
    State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const std::span all(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    for (std::size_t at = 0; at < all.size(); at += 64)
        add_block(state, all.subspan(at).first<64>());
    std::array<std::uint8_t, 20> digest{};
    for (std::size_t i = 0; i < digest.size(); ++i)
        digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)) & 0xffU);
    return digest;
}

}  // namespace

// 16 bytes leave 4 unused bits in the last character, which must be zero.
bool is_key(std::string_view key) noexcept {
    if (key.size() != 24 || !key.ends_with("==")) return false;
    const auto is_known = [](char c) { return kAlphabet.find(c) != std::string_view::npos; };
    return std::all_of(key.begin(), key.end() - 2, is_known) && kAlphabet.find(key[21]) % 16 == 0;
}

std::string make_key() {
    std::array<std::uint8_t, 16> bytes{};
    fill_random(std::as_writable_bytes(std::span(bytes)));
    return base64(bytes);
}

std::string accept_key(std::string_view key) {
    return base64(sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

}  // namespace switchboard::websocket::detail

// Masks, UTF-8 and heads of frames.
#include <doctest/doctest.h>

#include <algorithm>
#include <frame.hpp>
#include <random_masks.hpp>
#include <set>
#include <string>
#include <utf8.hpp>
#include <vector>

using namespace switchboard;
using namespace switchboard::websocket::detail;

namespace {

std::string encode_code_point(std::uint32_t c) {
    const auto tail = [c](unsigned shift) {
        return static_cast<char>(0x80U | (c >> shift & 0x3fU));
    };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xc0U | c >> 6U), tail(0)};
    if (c < 0x10000) return {static_cast<char>(0xe0U | c >> 12U), tail(6), tail(0)};
    return {static_cast<char>(0xf0U | c >> 18U), tail(12), tail(6), tail(0)};
}

// Decodes by the rules of RFC 3629, without tables of ranges: a second opinion.
bool is_utf8_slowly(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto first = static_cast<unsigned char>(text[at]);
        const std::size_t size = first < 0x80   ? 1
                                 : first < 0xc0 ? 0
                                 : first < 0xe0 ? 2
                                 : first < 0xf0 ? 3
                                 : first < 0xf8 ? 4
                                                : 0;
        if (size == 0 || at + size > text.size()) return false;
        std::uint32_t c = size == 1 ? first : first & (0x7fU >> size);
        for (std::size_t i = 1; i < size; ++i) {
            const auto next = static_cast<unsigned char>(text[at + i]);
            if ((next & 0xc0U) != 0x80) return false;
            c = c << 6U | (next & 0x3fU);
        }
        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || encode_code_point(c).size() != size)
            return false;
        at += size;
    }
    return true;
}

bool valid_in_parts(std::string_view text, std::size_t split) {
    Utf8 validator;
    return validator.add(as_bytes(text.substr(0, split))) &&
           validator.add(as_bytes(text.substr(split))) && validator.is_whole();
}

bool valid_everywhere(std::string_view text) {
    const bool whole = is_utf8(as_bytes(text));
    for (std::size_t split = 0; split <= text.size(); ++split)
        if (valid_in_parts(text, split) != whole) FAIL("a split changes the result");
    return whole;
}

}  // namespace

TEST_CASE("WebSocket mask: every length and start is as byte by byte") {
    const Mask mask = 0x01c2f304;
    const std::string_view key(reinterpret_cast<const char*>(&mask), 4);
    for (std::size_t size = 0; size < 200; ++size) {
        for (std::size_t split = 0; split <= size; ++split) {
            std::string text(size, 'x'), expected = text;
            for (std::size_t i = 0; i < size; ++i)
                expected[i] = static_cast<char>(expected[i] ^ key[i % 4]);
            const MutableBytes bytes(reinterpret_cast<std::byte*>(text.data()), size);
            apply_mask(bytes.first(split), mask);
            apply_mask(bytes.subspan(split), rotate(mask, split));
            if (text != expected) FAIL(size << " " << split);
        }
    }
}

TEST_CASE("WebSocket mask: masks of the system differ") {
    MaskSource source;
    std::set<Mask> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(source.next());
    CHECK(seen.size() > 990);
}

TEST_CASE("WebSocket UTF-8: every code point is right, and every surrogate is wrong") {
    for (std::uint32_t c = 0; c < 0x110400; ++c) {
        const std::string text = encode_code_point(c);
        const bool right = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        if (is_utf8(as_bytes(text)) != right) FAIL(c);
        if (is_utf8(as_bytes(text + "....")) != right) FAIL(c);
    }
}

TEST_CASE("WebSocket UTF-8: every pair of bytes, alone and in front of others, at every split") {
    const std::string tails[] = {"", "\x80", "\xbf\x80", "\x80\x80\x80", "aaaa", "\x80zzz"};
    for (unsigned first = 0x7e; first < 256; ++first) {
        for (unsigned second = 0; second < 256; second += second < 0x7e ? 0x3f : 1) {
            for (const auto& tail : tails) {
                const std::string text =
                    std::string{static_cast<char>(first), static_cast<char>(second)} + tail;
                if (valid_everywhere(text) != is_utf8_slowly(text)) FAIL(first << " " << second);
            }
        }
    }
}

TEST_CASE("WebSocket UTF-8: a wrong byte fails at once, wherever it is") {
    for (std::size_t at = 0; at < 40; ++at) {
        std::string text(40, 'a');
        text[at] = '\xff';
        CHECK_FALSE(valid_everywhere(text));
        Utf8 validator;
        CHECK(validator.add(as_bytes(std::string_view(text).substr(0, at))));
        CHECK_FALSE(validator.add(as_bytes("\xff")));
    }
    Utf8 validator;
    CHECK(validator.add(as_bytes("\xf4")));
    CHECK_FALSE(validator.add(as_bytes("\x90")));  // the second of four bytes shows it
    CHECK_FALSE(is_utf8(as_bytes("\xe2\x82")));    // cut off
    CHECK(
        valid_everywhere("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80 and text"));
}

// The bytes have exactly the size of their memory, so that the address sanitizer sees a read behind them.
TEST_CASE(
    "WebSocket UTF-8: a character or a wrong byte within ASCII, at every place and alignment") {
    for (const std::string_view inside : {"\xff", "\x80", "\xc3", "\xc3\xbc", "\xf0\x9f\x98\x80"}) {
        for (std::size_t size = inside.size(); size < 200; ++size) {
            for (std::size_t at = 0; at + inside.size() <= size; ++at) {
                std::vector<char> text(size, 'a');
                std::copy(inside.begin(), inside.end(),
                          text.begin() + static_cast<std::ptrdiff_t>(at));
                const std::string_view all(text.data(), size);
                const std::size_t from = at % 17;
                const bool valid = is_utf8_slowly(all);
                if (is_utf8(as_bytes(all)) != valid) FAIL(size << " " << at);
                if (from <= at && is_utf8(as_bytes(all.substr(from))) != valid)
                    FAIL(size << " " << at);
            }
        }
    }
}

TEST_CASE("WebSocket frame: heads are read as they were written, and each front asks for more") {
    for (const std::uint64_t length :
         {0ULL, 125ULL, 126ULL, 65'535ULL, 65'536ULL, (1ULL << 63U) - 1}) {
        for (const bool masked : {false, true}) {
            std::array<std::byte, kMaxHead> bytes{};
            const auto size = encode_head(bytes,
                                          {.opcode = Opcode::binary,
                                           .fin = true,
                                           .compressed = true,
                                           .mask = 7,
                                           .length = length},
                                          masked);
            const Role sender = masked ? Role::client : Role::server;
            for (std::size_t front = 0; front < size; ++front) {
                FrameHead head;
                CHECK(parse_head(Bytes(bytes).first(front), sender, true, head) == nullptr);
                CHECK(head.size == 0);
            }
            FrameHead head;
            REQUIRE(parse_head(bytes, sender, true, head) == nullptr);
            CHECK(head.size == size);
            CHECK(head.length == length);
            CHECK(head.opcode == Opcode::binary);
            CHECK(head.fin);
            CHECK(head.compressed);
            CHECK(head.mask == (masked ? 7U : 0U));
        }
    }
}

TEST_CASE("WebSocket frame: the short way to read a head agrees with the long one") {
    std::array<std::byte, kMaxHead> bytes{};
    std::size_t taken = 0;
    for (unsigned begin = 0; begin < 65'536; ++begin) {
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + begin);
        bytes[0] = static_cast<std::byte>(begin >> 8U);
        bytes[1] = static_cast<std::byte>(begin & 0xffU);
        FrameHead head, same;
        if (!parse_short_head(bytes, head)) continue;
        ++taken;
        if (parse_head(bytes, Role::client, false, same) != nullptr) FAIL(begin);
        const bool equal = head.opcode == same.opcode && head.fin == same.fin &&
                           head.compressed == same.compressed && head.mask == same.mask &&
                           head.length == same.length && head.size == same.size;
        if (!equal || parse_short_head(Bytes(bytes).first(5), head)) FAIL(begin);
    }
    CHECK(taken == std::size_t{2 * 126});  // text and binary, with 0 to 125 bytes
}

TEST_CASE("WebSocket frame: the codes that a Close frame may carry") {
    for (unsigned code = 0; code < 65'536; ++code) {
        const bool right = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                           (code >= 3000 && code <= 4999);
        if (is_close_code(static_cast<std::uint16_t>(code)) != right) FAIL(code);
    }
}

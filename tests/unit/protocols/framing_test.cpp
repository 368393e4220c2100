// Framing without a connection: finding a frame at the front of some bytes, and encoding one.
#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <switchboard/message_handler.hpp>

using namespace switchboard;

namespace {

using Found = Framing::Found;

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
}

std::string encoded(const Framing& framing, std::string_view payload) {
    return std::string(as_text(encode_frame(framing, as_bytes(payload))));
}

Found found(const Framing& framing, std::string_view in) {
    return framing.front(as_bytes(in)).found;
}

std::size_t payload_at_front(const Framing& framing, std::string_view in) {
    const auto front = framing.front(as_bytes(in));
    REQUIRE(front.found == Found::whole);
    return front.payload;
}

}  // namespace

TEST_CASE("framing: a prefix is the payload's length in its width and byte order") {
    CHECK(encoded(Framing::prefixed(1), "abc") == bytes({3}) + "abc");
    CHECK(encoded(Framing::prefixed(2), "abc") == bytes({0, 3}) + "abc");
    CHECK(encoded(Framing::prefixed(2, std::endian::little), "abc") == bytes({3, 0}) + "abc");
    CHECK(encoded(Framing::prefixed(4), "abc") == bytes({0, 0, 0, 3}) + "abc");
    CHECK(encoded(Framing::prefixed(4, std::endian::little), "abc") == bytes({3, 0, 0, 0}) + "abc");
    CHECK(encoded(Framing::prefixed(8), "") == std::string(8, '\0'));
    CHECK(encoded(Framing::prefixed(8, std::endian::little), "abc") ==
          bytes({3, 0, 0, 0, 0, 0, 0, 0}) + "abc");

    const std::string long_text(0x1234, 'x');
    CHECK(encoded(Framing::prefixed(2), long_text) == bytes({0x12, 0x34}) + long_text);
    CHECK(encoded(Framing::prefixed(4, std::endian::little), long_text) ==
          bytes({0x34, 0x12, 0, 0}) + long_text);
}

TEST_CASE("framing: varints are those of Protocol Buffers") {
    const Framing framing = Framing::varint();
    CHECK(encoded(framing, "") == bytes({0}));
    CHECK(encoded(framing, std::string(127, 'x')).substr(0, 1) == bytes({0x7f}));
    CHECK(encoded(framing, std::string(128, 'x')).substr(0, 2) == bytes({0x80, 0x01}));
    // The example of the Protocol Buffers encoding guide: 150 is 96 01.
    CHECK(encoded(framing, std::string(150, 'x')).substr(0, 2) == bytes({0x96, 0x01}));
    CHECK(encoded(framing, std::string(16384, 'x')).substr(0, 3) == bytes({0x80, 0x80, 0x01}));
    CHECK(payload_at_front(framing, bytes({0x96, 0x01}) + std::string(150, 'x')) == 150);
}

TEST_CASE("framing: varints that are over-long, too wide or unfinished") {
    const Framing framing = Framing::varint();
    CHECK(found(framing, bytes({0x80})) == Found::part);
    CHECK(found(framing, bytes({0x80, 0x00})) == Found::malformed);  // zero, encoded in two bytes
    CHECK(found(framing, bytes({0xff, 0x80, 0x00})) == Found::malformed);
    CHECK(found(framing, std::string(9, '\xff')) == Found::part);
    CHECK(found(framing, std::string(10, '\xff')) ==
          Found::malformed);  // an eleventh byte would follow
    CHECK(found(framing, std::string(9, '\xff') + bytes({0x02})) == Found::malformed);  // 65 bits
    CHECK(found(framing, std::string(9, '\xff') + bytes({0x01})) == Found::too_long);   // 2^64 - 1

    const Framing all = Framing::varint(std::numeric_limits<std::size_t>::max());
    const auto front = all.front(as_bytes(std::string(9, '\xff') + bytes({0x01})));
    CHECK(front.found == Found::part);
    CHECK(front.head == 10);
    CHECK(front.payload == std::numeric_limits<std::size_t>::max());
    const auto head = all.head(std::numeric_limits<std::size_t>::max());
    CHECK(as_text(head) == std::string(9, '\xff') + bytes({0x01}));
}

TEST_CASE("framing: a prefix is known before its payload has come") {
    const auto front = Framing::prefixed(4).front(as_bytes(bytes({0, 0, 1, 0}) + "abc"));
    CHECK(front.found == Found::part);
    CHECK(front.head == 4);
    CHECK(front.payload == 256);
    CHECK(Framing::prefixed(4).front(as_bytes(bytes({0, 0, 1}))).head == 0);
}

TEST_CASE("framing: maximum lengths count the payload") {
    CHECK(found(Framing::prefixed(2, std::endian::big, 300), bytes({1, 44})) == Found::part);
    CHECK(found(Framing::prefixed(2, std::endian::big, 300), bytes({1, 45})) == Found::too_long);
    CHECK(found(Framing::prefixed(8), std::string(8, '\xff')) == Found::too_long);
    CHECK(found(Framing::prefixed(4), bytes({0, 0x10, 0, 0})) == Found::part);  // 1 MiB
    CHECK(found(Framing::prefixed(4), bytes({0, 0x10, 0, 1})) == Found::too_long);
    CHECK(Framing::prefixed(1).max_payload() == 255);
    CHECK(Framing::prefixed(2).max_payload() == 65535);
    CHECK(Framing::prefixed(4).max_payload() == 1024 * 1024);

    const Framing delimited = Framing::delimited("--", 4);
    CHECK(found(delimited, "abcd--") == Found::whole);
    CHECK(found(delimited, "abcd-") == Found::part);
    CHECK(found(delimited, "abcde") == Found::part);  // too long, but only the next byte shows it
    CHECK(found(delimited, "abcdef") == Found::too_long);
    CHECK(found(delimited, "abcde--") == Found::too_long);
}

TEST_CASE("framing: a delimiter that overlaps itself is found where it first ends") {
    const Framing framing = Framing::delimited("aab");
    CHECK(payload_at_front(framing, "aaab") == 1);
    CHECK(payload_at_front(framing, "aabaab") == 0);
    CHECK(payload_at_front(framing, "abaaaaabx") == 5);
    // At every split: bytes are not searched twice, and no delimiter is missed.
    const std::string text = "xaaaxaabaaaab";
    for (std::size_t seen = 0; seen < 8; ++seen) {
        CHECK(framing.front(as_bytes(text), seen).payload == 5);
    }
}

TEST_CASE("framing: bytes that were searched are not searched again") {
    const Framing framing = Framing::delimited("ab");
    // An "ab" within the first four bytes would have been found by the earlier call.
    CHECK(framing.front(as_bytes("ab..ab"), 4).payload == 4);
}

TEST_CASE("framing: a payload that the framing cannot carry is refused") {
    const auto refused = [](const Framing& framing, std::string_view payload) {
        CHECK_FALSE(framing.carries(as_bytes(payload)));
        CHECK_THROWS_AS(encode_frame(framing, as_bytes(payload)), std::length_error);
    };
    refused(Framing::fixed(4), "abc");
    refused(Framing::fixed(4), "abcde");
    refused(Framing::prefixed(1), std::string(256, 'x'));
    refused(Framing::varint(9), std::string(10, 'x'));
    refused(Framing::delimited("\r\n"), "one\r\ntwo");
    refused(Framing::delimited("\r\n", 3), "four");
    refused(Framing::delimited("aa"), "xa");  // "xa" + "aa" reads as "x", then "a"
    CHECK(Framing::delimited("aab").carries(as_bytes("xa")));
    CHECK(Framing::delimited("\r\n").carries(as_bytes("one\r")));
    CHECK_THROWS_AS(encode_line("two\nlines"), std::length_error);
    CHECK(encode_line("one") == "one\n");
    CHECK(encode_line("one", LineEnd::crlf) == "one\r\n");
}

TEST_CASE("framing: random payloads are decoded as they were encoded") {
    std::mt19937 random(20240601);
    const auto below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    const Framing framings[] = {Framing::delimited("\n"),
                                Framing::delimited("aab"),
                                Framing::delimited("abab", 700),
                                Framing::fixed(5),
                                Framing::prefixed(1),
                                Framing::prefixed(2),
                                Framing::prefixed(2, std::endian::little),
                                Framing::prefixed(4),
                                Framing::prefixed(4, std::endian::little),
                                Framing::prefixed(8),
                                Framing::prefixed(8, std::endian::little),
                                Framing::varint()};
    for (int round = 0; round < 20'000; ++round) {
        const Framing& framing = framings[below(std::size(framings))];
        std::string payload(below(600), 'x');
        for (char& c : payload) c = "ab\nx"[below(4)];
        if (!framing.carries(as_bytes(payload)))
            payload.assign(framing.max_payload() == 5 ? 5 : 20, 'b');
        const std::string wire = encoded(framing, payload);
        CAPTURE(wire);
        const auto front = framing.front(as_bytes(wire + "ab"));
        REQUIRE(front.found == Found::whole);
        REQUIRE(front.head + front.payload + front.tail == wire.size());
        REQUIRE(wire.substr(front.head, front.payload) == payload);
        REQUIRE(framing.front(as_bytes(wire).first(wire.size() - 1)).found == Found::part);
    }
}

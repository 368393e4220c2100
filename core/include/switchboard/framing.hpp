// Framing: divides a byte stream into messages.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>

namespace switchboard {

// The way in which messages ("frames") are marked in a stream. A value. Sizes are in bytes and count the
// payload only, without prefix or delimiter. Arguments out of range fail an assertion.
class Framing {
public:
    static constexpr std::size_t kMaxDelimited = 8 * 1024;
    static constexpr std::size_t kMaxPrefixed = 1024 * 1024;

    // A frame is the payload and then `delimiter`, which must not be empty. The payload ends at the first
    // occurrence of the delimiter.
    static Framing delimited(std::string_view delimiter, std::size_t max_payload = kMaxDelimited);
    static Framing fixed(std::size_t length);  // payloads of `length` bytes, at least 1
    // A frame is the length of the payload in `width` = 1, 2, 4 or 8 bytes, and then the payload.
    static Framing prefixed(std::size_t width, std::endian order = std::endian::big,
                            std::size_t max_payload = kMaxPrefixed);
    // The same with the length as a base 128 varint of Protocol Buffers (unsigned LEB128) in its shortest
    // form, of at most 10 bytes.
    static Framing varint(std::size_t max_payload = kMaxPrefixed);

    // Returns the size of the longest payload: as given, or what the prefix can express if that is less.
    std::size_t max_payload() const noexcept { return max_payload_; }

    // For reading: the frame at the front of a buffer. It has `head` + `payload` + `tail` bytes. All three
    // are set once the frame is whole; for a prefix, `head` and `payload` are set as soon as the prefix is
    // whole.
    enum class Found : std::uint8_t { whole, part, too_long, malformed };
    struct Front {
        Found found = Found::part;
        std::size_t head = 0, payload = 0, tail = 0;
    };
    // Looks for a frame at the front of `in`. The first `seen` bytes were in an earlier call that found a
    // part, and are not searched again.
    Front front(Bytes in, std::size_t seen = 0) const noexcept;

    // For writing: the bytes before and after a payload.
    struct Head {
        std::array<std::byte, 10> bytes{};
        std::size_t size = 0;
        operator Bytes() const noexcept { return Bytes(bytes).first(size); }
    };
    Head head(std::size_t payload) const noexcept;
    Bytes tail() const noexcept { return as_bytes(delimiter_); }
    // Returns whether `payload` can be sent as a frame: it is not over the maximum, has the fixed length,
    // and does not contain the delimiter, which would end it early.
    bool carries(Bytes payload) const;

private:
    enum class Kind : std::uint8_t { delimited, fixed, prefixed, varint };

    Framing(Kind kind, std::size_t max_payload) : max_payload_(max_payload), kind_(kind) {}
    Front front_delimited(Bytes in, std::size_t seen) const noexcept;
    Front front_prefixed(Bytes in) const noexcept;
    Front front_varint(Bytes in) const noexcept;
    Front sized(std::size_t head, std::uint64_t payload, std::size_t available) const noexcept;

    std::size_t max_payload_;
    Kind kind_;
    std::uint8_t width_ = 0;
    bool big_endian_ = true;
    std::string delimiter_;
};

}  // namespace switchboard

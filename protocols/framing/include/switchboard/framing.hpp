// Framing: where one message of a byte stream ends and the next begins.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

// How messages ("frames") follow each other in a stream. A value; sizes are bytes and count the
// payload alone, without prefix or delimiter. Arguments out of range assert.
class Framing {
public:
    static constexpr std::size_t kMaxDelimited = 8 * 1024;
    static constexpr std::size_t kMaxPrefixed = 1024 * 1024;

    // Payload, then `delimiter`, any bytes but none. The payload ends at its first occurrence.
    static Framing delimited(std::string_view delimiter, std::size_t max_payload = kMaxDelimited);
    static Framing fixed(std::size_t length);  // payloads of `length` bytes, at least 1
    // The length of the payload in `width` = 1, 2, 4 or 8 bytes, then the payload.
    static Framing prefixed(std::size_t width, std::endian order = std::endian::big,
                            std::size_t max_payload = kMaxPrefixed);
    // The same with the length as a base 128 varint of Protocol Buffers (unsigned LEB128), in its
    // shortest form; 10 bytes at most.
    static Framing varint(std::size_t max_payload = kMaxPrefixed);

    // What the longest payload may be: as given, or what the prefix can express if that is less.
    std::size_t max_payload() const noexcept { return max_payload_; }

    // Reading: what stands at the front of `in`. `head` + `payload` + `tail` bytes make the frame;
    // they are known once it is whole, and for a prefix `head` and `payload` as soon as that is.
    enum class Found : std::uint8_t { whole, part, too_long, malformed };
    struct Front {
        Found found = Found::part;
        std::size_t head = 0, payload = 0, tail = 0;
    };
    // The first `seen` bytes were at the front of an earlier call that found a part; they are not
    // searched again.
    Front front(Bytes in, std::size_t seen = 0) const noexcept;

    // Writing: what stands before and after a payload.
    struct Head {
        std::array<std::byte, 10> bytes{};
        std::size_t size = 0;
        operator Bytes() const noexcept { return Bytes(bytes).first(size); }
    };
    Head head(std::size_t payload) const noexcept;
    Bytes tail() const noexcept { return as_bytes(delimiter_); }
    // Whether `payload` can be a frame: within the maximum, of the fixed length, and without the
    // delimiter, which would end it early.
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

// Writes one frame without a copy of the payload on the way to the connection; answers as
// Connection::write. A payload that the framing does not carry is the caller's mistake and must not
// reach the peer: std::length_error, and nothing is written.
bool write_frame(Connection& connection, const Framing& framing, Bytes payload);
// The same as bytes of their own, for Connection::write_shared and for tests.
std::vector<std::byte> encode_frame(const Framing& framing, Bytes payload);

enum class LineEnd : std::uint8_t { lf, crlf };

// The same for lines. A text with a line feed in it is more than one line: std::length_error.
bool write_line(Connection& connection, std::string_view line, LineEnd end = LineEnd::lf);
std::string encode_line(std::string_view line, LineEnd end = LineEnd::lf);

// The base of handlers that take whole messages, and what they do when the peer sends none. After
// one of the first three hooks the connection is closed, flushing what the hook wrote, with the
// code named; a close() or abort() of the hook's own goes first.
class MessageHandler : public Protocol {
public:
    void on_eof(Connection& connection) final;

protected:
    virtual void on_too_long(Connection&) {}    // past the maximum: errc::message_too_large
    virtual void on_malformed(Connection&) {}   // no such prefix: errc::malformed_message
    virtual void on_incomplete(Connection&) {}  // FIN within a message: errc::incomplete_message
    virtual void on_end(Connection& connection) { connection.close(); }  // FIN between two

    // Of bytes that are no message: calls the hook, closes, and uses up all of `in`.
    std::size_t refuse_too_long(Connection& connection, Bytes in);
    std::size_t refuse_malformed(Connection& connection, Bytes in);

private:
    virtual bool within_message() const noexcept = 0;
};

struct LineOptions {
    std::size_t max_length = 8 * 1024;  // bytes of a line as on_line gets it
    bool strip_cr = true;               // one CR before the LF belongs to the line's end
};

// Takes lines that end with LF. Bytes are not checked to be text.
class LineHandler : public MessageHandler {
public:
    explicit LineHandler(LineOptions options = {}) : options_(options) {}
    std::size_t on_data(Connection& connection, MutableBytes in) final;

protected:
    // `line` is without its end and dies when the call returns.
    virtual void on_line(Connection& connection, std::string_view line) = 0;

private:
    bool within_message() const noexcept final { return seen_ > 0; }
    std::string_view without_cr(std::string_view line) const noexcept;

    LineOptions options_;
    std::size_t seen_ = 0;  // leading bytes of the next `in` that hold no LF
};

// Takes frames. Limits::max_unread must be at least the framing's maximum plus its delimiter;
// otherwise what is longer ends with errc::message_too_large, without a call of on_too_long.
class FrameHandler : public MessageHandler {
public:
    explicit FrameHandler(Framing framing) : framing_(std::move(framing)) {}
    std::size_t on_data(Connection& connection, MutableBytes in) final;

protected:
    // `frame` is the payload; it may be rewritten in place and dies when the call returns.
    virtual void on_frame(Connection& connection, MutableBytes frame) = 0;
    const Framing& framing() const noexcept { return framing_; }

private:
    bool within_message() const noexcept final { return seen_ > 0 || awaited_ > 0; }
    std::size_t take_awaited(Connection& connection, MutableBytes in);
    std::size_t wait(const Framing::Front& front, std::size_t available) noexcept;

    Framing framing_;
    std::size_t seen_ = 0;     // leading bytes of the next `in` that were searched already
    std::size_t awaited_ = 0;  // payload still to come, whose prefix has been used; 0: none
};

}  // namespace switchboard

// Handlers that get whole messages instead of bytes, and how to write messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <switchboard/framing.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

// Writes one frame; the payload is passed to the connection without a copy. Returns what Connection::write()
// returns. Errors: throws std::length_error and writes nothing if the framing does not carry the payload,
// which is a mistake of the caller.
bool write_frame(Connection& connection, const Framing& framing, Bytes payload);
// Returns the bytes of the frame, for Connection::write_shared() and for tests.
std::vector<std::byte> encode_frame(const Framing& framing, Bytes payload);

enum class LineEnd : std::uint8_t { lf, crlf };

// The same for lines. Errors: throws std::length_error if the text contains a line feed.
bool write_line(Connection& connection, std::string_view line, LineEnd end = LineEnd::lf);
std::string encode_line(std::string_view line, LineEnd end = LineEnd::lf);

// The base class of handlers that receive whole messages. Its hooks are called when the peer does not send
// one. After one of the first three hooks the connection is closed with the code named there, and what the
// hook wrote is flushed. If the hook itself calls close() or abort(), that call counts instead.
class MessageHandler : public Protocol {
public:
    void on_eof(Connection& connection) final;

protected:
    virtual void on_too_long(Connection&) {}    // over the maximum: errc::message_too_large
    virtual void on_malformed(Connection&) {}   // invalid prefix: errc::malformed_message
    virtual void on_incomplete(Connection&) {}  // FIN within a message: errc::incomplete_message
    virtual void on_end(Connection& connection) { connection.close(); }  // FIN after a message

    // For bytes that are not a message: call the hook, close, and use all of `in`.
    std::size_t refuse_too_long(Connection& connection, Bytes in);
    std::size_t refuse_malformed(Connection& connection, Bytes in);

private:
    virtual bool within_message() const noexcept = 0;
};

struct LineOptions {
    std::size_t max_length = 8 * 1024;  // bytes of a line as passed to on_line
    bool strip_cr = true;               // a CR before the LF is part of the line end
};

// Receives lines that end with LF. The bytes are not checked to be text.
class LineHandler : public MessageHandler {
public:
    explicit LineHandler(LineOptions options = {}) : options_(options) {}
    std::size_t on_data(Connection& connection, MutableBytes in) final;

protected:
    // `line` has no line end. It is valid until the call returns.
    virtual void on_line(Connection& connection, std::string_view line) = 0;

private:
    bool within_message() const noexcept final { return seen_ > 0; }
    std::string_view without_cr(std::string_view line) const noexcept;

    LineOptions options_;
    std::size_t seen_ = 0;  // leading bytes of the next `in` that hold no LF
};

// Receives frames. ConnectionLimits::max_read_buffer must be at least the framing's maximum plus its
// delimiter. Otherwise a longer frame ends the connection with errc::message_too_large, without a call of
// on_too_long.
class FrameHandler : public MessageHandler {
public:
    explicit FrameHandler(Framing framing) : framing_(std::move(framing)) {}
    std::size_t on_data(Connection& connection, MutableBytes in) final;

protected:
    // `frame` is the payload. It may be modified in place and is valid until the call returns.
    virtual void on_frame(Connection& connection, MutableBytes frame) = 0;
    const Framing& framing() const noexcept { return framing_; }

private:
    bool within_message() const noexcept final { return seen_ > 0 || awaited_ > 0; }
    std::size_t take_awaited(Connection& connection, MutableBytes in);
    std::size_t wait(const Framing::Front& front, std::size_t available) noexcept;

    Framing framing_;
    std::size_t seen_ = 0;     // leading bytes of the next `in` that were searched already
    std::size_t awaited_ = 0;  // payload of the frame whose prefix was used; 0: no such frame
};

}  // namespace switchboard

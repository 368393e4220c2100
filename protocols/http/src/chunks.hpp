// Bodies in chunks (RFC 9112, section 7.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchboard::http::detail {

// Takes the chunk framing away. What is not used must be offered again, with more bytes behind it.
class Chunks {
public:
    struct Piece {
        std::size_t used = 0;           // bytes of the input that were used
        std::string_view data = {};     // the part of the body among them
        bool refused = false;           // malformed: refuse the message
        std::string_view trailer = {};  // the line of a trailer field among them, with its CR LF
    };
    // Reads one element at the front of `in`: a chunk line, data, or a trailer line. If nothing is used, more
    // bytes are needed.
    Piece next(std::string_view in) noexcept;
    bool done() const noexcept { return state_ == State::done; }

private:
    enum class State : std::uint8_t { size, data, end_of_data, trailers, done };
    Piece chunk_line(std::string_view in) noexcept;
    Piece data(std::string_view in) noexcept;
    Piece end_of_data(std::string_view in) noexcept;
    Piece trailer_line(std::string_view in) noexcept;

    std::uint64_t left_ = 0;        // of the data of this chunk
    std::uint32_t extensions_ = 0;  // bytes of all chunk extensions of this body
    std::uint16_t trailer_bytes_ = 0;
    std::uint8_t trailers_ = 0;
    State state_ = State::size;
};

// Writes the line before a chunk of `size` bytes. CR LF must follow the chunk.
using ChunkLine = std::array<char, 18>;
std::string_view encode_chunk_line(ChunkLine& line, std::size_t size) noexcept;

// `name` must be a token.
bool is_allowed_trailer(std::string_view name) noexcept;

}  // namespace switchboard::http::detail

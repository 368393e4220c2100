#include "chunks.hpp"

#include <algorithm>
#include <charconv>

#include "head.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

constexpr std::size_t kMostChunkLine = 256;
constexpr std::size_t kMostSizeDigits = 15;  // every such size fits into 64 bits
constexpr std::size_t kMostExtensions = 16 * 1024;
constexpr std::size_t kMostTrailerBytes = 4 * 1024;
constexpr std::size_t kMostTrailers = 16;

constexpr Chunks::Piece kRefused{.used = 0, .data = {}, .refused = true};

// A line. If it is not whole yet, `used` is 0.
struct Line {
    std::string_view text = {};  // without CR LF
    std::size_t used = 0;
    bool refused = false;
};

Line line_of(std::string_view in, std::size_t most) noexcept {
    const std::size_t end = in.substr(0, most).find('\n');
    if (end == in.npos) return {.text = {}, .used = 0, .refused = in.size() >= most};
    if (end == 0 || in[end - 1] != '\r') return {.text = {}, .used = 0, .refused = true};
    return {.text = in.substr(0, end - 1), .used = end + 1, .refused = false};
}

// Moves behind a quoted string (RFC 9110, section 5.6.4). Returns false if `text` does not begin with one.
bool skip_quoted(std::string_view& text) noexcept {
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            text.remove_prefix(at + 1);
            return true;
        }
        if (text[at] == '\\') ++at;
        if (at == text.size() || !contains(kValueChars, text[at])) return false;
    }
    return false;
}

bool skip_token(std::string_view& text) noexcept {
    std::size_t size = 0;
    while (size < text.size() && contains(kTokenChars, text[size])) ++size;
    text.remove_prefix(size);
    return size > 0;
}

// Returns whether `text` is any number of ";token", each with "=token" or "=\"quoted\"" behind it or not.
bool are_extensions(std::string_view text) noexcept {
    while (!text.empty()) {
        if (text.front() != ';') return false;
        text.remove_prefix(1);
        if (!skip_token(text)) return false;
        if (!text.starts_with('=')) continue;
        text.remove_prefix(1);
        if (!(text.starts_with('"') ? skip_quoted(text) : skip_token(text))) return false;
    }
    return true;
}

}  // namespace

// Fields that decide about framing, routing, authentication or the body come too late in a trailer
// (RFC 9110, section 6.5.1).
bool is_allowed_trailer(std::string_view name) noexcept {
    const bool of_content = name.size() > 8 && equals(name.substr(0, 8), "content-");
    return !of_content && !is_one_of(name, {"transfer-encoding", "host", "connection", "upgrade",
                                            "trailer", "te", "expect", "authorization", "cookie",
                                            "set-cookie", "range", "via", "keep-alive"});
}

std::string_view encode_chunk_line(ChunkLine& line, std::size_t size) noexcept {
    char* const end = std::to_chars(line.data(), line.data() + line.size() - 2, size, 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    return {line.data(), static_cast<std::size_t>(end - line.data()) + 2};
}

Chunks::Piece Chunks::chunk_line(std::string_view in) noexcept {
    const Line line = line_of(in, kMostChunkLine);
    if (line.used == 0) return {.used = 0, .data = {}, .refused = line.refused};
    std::size_t digits = 0;
    std::uint64_t size = 0;
    while (digits < line.text.size() && hex_digit(line.text[digits]) >= 0)
        size = size << 4 | static_cast<std::uint64_t>(hex_digit(line.text[digits++]));
    const std::string_view extensions = line.text.substr(digits);
    extensions_ += static_cast<std::uint32_t>(extensions.size());
    const bool valid = digits > 0 && digits <= kMostSizeDigits && extensions_ <= kMostExtensions;
    if (!valid || !are_extensions(extensions)) return kRefused;
    left_ = size;
    state_ = size > 0 ? State::data : State::trailers;
    return {.used = line.used, .data = {}, .refused = false};
}

Chunks::Piece Chunks::data(std::string_view in) noexcept {
    const std::string_view part = in.substr(0, std::min<std::uint64_t>(left_, in.size()));
    left_ -= part.size();
    if (left_ == 0) state_ = State::end_of_data;
    return {.used = part.size(), .data = part, .refused = false};
}

Chunks::Piece Chunks::end_of_data(std::string_view in) noexcept {
    if (!in.starts_with("\r\n"))
        return {.used = 0, .data = {}, .refused = in != "\r" && !in.empty()};
    state_ = State::size;
    return {.used = 2, .data = {}, .refused = false};
}

Chunks::Piece Chunks::trailer_line(std::string_view in) noexcept {
    const Line line = line_of(in, kMostTrailerBytes);
    if (line.used == 0) return {.used = 0, .data = {}, .refused = line.refused};
    trailer_bytes_ = static_cast<std::uint16_t>(trailer_bytes_ + line.used);
    if (line.text.empty()) {
        state_ = State::done;
        return {.used = line.used, .data = {}, .refused = false};
    }
    const char* at = in.data();
    Field field;
    const bool valid = ++trailers_ <= kMostTrailers && trailer_bytes_ <= kMostTrailerBytes &&
                       parse_field(at, in.data() + in.size(), field) &&
                       is_allowed_trailer(field.name);
    return {.used = line.used, .data = {}, .refused = !valid, .trailer = in.substr(0, line.used)};
}

Chunks::Piece Chunks::next(std::string_view in) noexcept {
    switch (state_) {
        case State::size: return chunk_line(in);
        case State::data: return data(in);
        case State::end_of_data: return end_of_data(in);
        case State::trailers: return trailer_line(in);
        case State::done: break;
    }
    return {};
}

}  // namespace switchboard::http::detail

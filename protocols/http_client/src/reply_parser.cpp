#include "reply_parser.hpp"

#include <algorithm>

#include "framing_fields.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr unsigned kMostInterim = 8;

// Returns whether `in` begins as a reply of HTTP/1 does.
bool could_be_reply(std::string_view in) noexcept {
    constexpr std::string_view kBegin = "HTTP/1.";
    return kBegin.starts_with(in.substr(0, kBegin.size()));
}

// "HTTP/1.1 200 OK". Some servers leave out the space before an empty reason. `at` has the end of the head
// behind it. Returns false if it is malformed.
bool parse_status_line(const char*& at, ReplyHead& head, Head& framing) noexcept {
    constexpr std::size_t kVersionSize = 8, kSize = kVersionSize + 4;
    const auto* const end = std::find(at, at + kSize, '\r');
    if (end != at + kSize || !is_digit(at[7]) || at[8] != ' ') return false;
    framing.http10 = at[7] == '0';
    const char* const code = at + kVersionSize + 1;
    if (!std::all_of(code, code + 3, is_digit) || *code == '0') return false;
    head.status = 0;
    for (int i = 0; i < 3; ++i)
        head.status = head.status * 10 + static_cast<unsigned>(code[i] - '0');
    at += kSize;
    if (*at != '\r' && *at != ' ') return false;
    while (contains(kValueChars, *at)) ++at;
    if (!begins_with(at, "\r\n")) return false;
    at += 2;
    return true;
}

// Only these fields decide where a reply ends; their lengths tell them apart from most others.
bool is_framing(std::string_view name) noexcept {
    return name.size() == 10 || name.size() == 14 || name.size() == 17;
}

}  // namespace

void ReplyParser::expect(ReplyTo request) {
    request_ = request;
    state_ = State::head;
    seen_ = 0;
    interim_ = 0;
    chunks_ = {};
    trailers_.clear();
}

ReplyParser::Step ReplyParser::refuse(const char* why, errc code) {
    refusal_ = {.code = code, .why = why};
    return {.event = Event::refused};
}

ReplyParser::Step ReplyParser::next(std::string_view in) {
    if (refusal_) return {.event = Event::refused};
    switch (state_) {
        case State::head: return read_head(in);
        case State::chunks: return read_chunks(in);
        case State::until_close:
            return {.event = in.empty() ? Event::none : Event::data, .used = in.size(), .data = in};
        case State::known_length: {
            if (left_ == 0) break;
            const auto part = in.substr(0, std::min<std::uint64_t>(left_, in.size()));
            left_ -= part.size();
            return {.event = part.empty() ? Event::none : Event::data,
                    .used = part.size(),
                    .data = part};
        }
        case State::done: return {};
    }
    state_ = State::done;
    return {.event = Event::end};
}

ReplyParser::Step ReplyParser::read_head(std::string_view in) {
    if (!could_be_reply(in)) return refuse("it does not begin with HTTP/1");
    const std::size_t from = seen_ < 3 ? 0 : seen_ - 3;
    const std::size_t found = in.find(kEndOfHead, from);
    const std::size_t size = found == in.npos ? in.size() : found + kEndOfHead.size();
    if (bare_line_feed(in, from) < std::min(size, max_head_))
        return refuse("a line does not end with CR LF");
    if (size > max_head_)
        return refuse("its head is longer than max_head", errc::message_too_large);
    seen_ = in.size();
    if (found == in.npos) return {};
    seen_ = 0;
    Head framing;
    head_ = {};
    if (!parse(in.substr(0, size), framing)) return {.event = Event::refused};
    const bool framed = framing.chunked || framing.length > 0;
    if (is_interim(framed)) return {.event = refusal_ ? Event::refused : Event::none, .used = size};
    if (!begin_body(framing)) return {.event = Event::refused};
    return {.event = Event::head, .used = size};
}

bool ReplyParser::parse(std::string_view text, Head& framing) {
    const char* at = text.data();
    if (!parse_status_line(at, head_, framing)) {
        refuse("malformed status line");
        return false;
    }
    FramingFields fields;
    const bool whole = parse_all_fields(at, text.data() + text.size(), [&](const Field& field) {
        head_.fields.push_back(field);
        if (!is_framing(field.name) || fields.add(field, framing) == 0) return true;
        refuse("malformed Content-Length or Transfer-Encoding");
        return false;
    });
    if (!whole && !refusal_) refuse("malformed field");
    if (refusal_) return false;
    if (fields.judge_reply(framing) != 0)
        refuse("Transfer-Encoding together with Content-Length, or in HTTP/1.0");
    return !refusal_;
}

// An interim answer has no body (RFC 9110, section 15.2). Returns whether it was one.
bool ReplyParser::is_interim(bool framed) {
    if (head_.status >= 200) return false;
    if (head_.status == 101) {
        refuse("101, but no upgrade was asked for");
    } else if (framed) {
        refuse("an interim answer with a body");
    } else if (++interim_ > kMostInterim) {
        refuse("more than 8 interim answers");
    }
    return true;
}

// RFC 9112, section 6.3. Returns false if the head is refused.
bool ReplyParser::begin_body(const Head& framing) {
    const unsigned status = head_.status;
    const bool tunnel = request_ == ReplyTo::connect && status / 100 == 2;
    if (status == 204 && framing.has_body()) {
        refuse("204 with a body");
        return false;
    }
    head_.keep_alive = framing.keep_alive;
    head_.length = framing.length;
    head_.has_length = framing.has_length;
    left_ = framing.length;
    if (request_ == ReplyTo::head || status == 204 || status == 304 || tunnel) {
        state_ = State::known_length;
        left_ = 0;
    } else if (framing.chunked) {
        state_ = State::chunks;
    } else if (framing.has_length) {
        state_ = State::known_length;
    } else {
        state_ = State::until_close;
        head_.keep_alive = false;
    }
    return true;
}

ReplyParser::Step ReplyParser::read_chunks(std::string_view in) {
    if (chunks_.done()) {
        state_ = State::done;
        return {.event = Event::end};
    }
    const Chunks::Piece piece = chunks_.next(in);
    if (piece.refused) return refuse("malformed chunks or trailers");
    if (!piece.trailer.empty()) {
        const char* at = piece.trailer.data();
        Field field;
        if (parse_field(at, at + piece.trailer.size(), field))
            trailers_.emplace_back(field.name, field.value);
    }
    return {.event = piece.data.empty() ? Event::none : Event::data,
            .used = piece.used,
            .data = piece.data};
}

}  // namespace switchboard::http::detail

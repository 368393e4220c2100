#include "body_input.hpp"

#include <algorithm>

#include "base/deadline.hpp"

namespace switchboard::http::detail {
namespace {

using switchboard::detail::deadline_after;
using switchboard::detail::limit_after;

constexpr std::chrono::seconds kGrace{5};  // before the rate of a body counts

}  // namespace

BodyInput::Piece BodyInput::next_chunk(std::string_view in) {
    const Chunks::Piece piece = chunks_.next(in);
    if (piece.refused) return {.used = 0, .data = {}, .refusal = 400};
    if (piece.data.size() > most_ - received_)
        return {.used = piece.used, .data = {}, .refusal = 413};
    trailer_text_ += piece.trailer;
    if (chunks_.done()) parse_trailers();
    return {.used = piece.used, .data = piece.data, .refusal = 0};
}

// The text does not move any more, so it can be viewed.
void BodyInput::parse_trailers() {
    const char* at = trailer_text_.data();
    const char* const end = at + trailer_text_.size();
    Field field;
    while (at != end && parse_field(at, end, field)) trailers_.push_back(field);
}

BodyInput::Piece BodyInput::next(std::string_view in, Clock::time_point now) {
    last_ = now;
    Piece piece;
    if (chunked_) {
        piece = next_chunk(in);
    } else {
        piece.data = in.substr(0, std::min<std::uint64_t>(left_, in.size()));
        piece.used = piece.data.size();
        left_ -= piece.used;
    }
    received_ += piece.data.size();
    return piece;
}

Clock::time_point BodyInput::deadline(const HttpLimits& limits) const noexcept {
    const auto idle = limit_after(last_, limits.body_idle_timeout);
    if (limits.min_body_rate == 0) return idle;
    const auto earned = std::chrono::seconds(received_ / limits.min_body_rate);
    return std::min(idle, deadline_after(start_, kGrace + earned));
}

void BodyInput::start_over(Clock::time_point now) noexcept {
    start_ = last_ = now;
}

void BodyInput::forgive(Clock::time_point from, Clock::time_point to) noexcept {
    start_ += to - from;
    last_ = to;
}

}  // namespace switchboard::http::detail

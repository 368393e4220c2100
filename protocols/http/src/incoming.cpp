#include "incoming.hpp"

#include <algorithm>

#include "base/deadline.hpp"

namespace switchboard::http::detail {
namespace {

using switchboard::detail::deadline_after;
using switchboard::detail::kNever;
using switchboard::detail::limit_after;

constexpr std::chrono::seconds kGrace{5};  // before the rate of a body counts

}  // namespace

Incoming::Incoming(std::string_view head_text, const HttpLimits& limits, const Router& router,
                   Clock::time_point now)
    : head_text_(head_text), start_(now), last_(now) {
    std::size_t seen = 0;
    parse_head(head_text_, limits, seen, head_);
    route_ = &router.find(head_.method, head_.path, captures_);
    left_ = head_.length;
}

Incoming::Taken Incoming::take_chunks(std::string_view in) {
    std::size_t used = 0;
    while (!chunks_.done()) {
        const Chunks::Piece piece = chunks_.next(in.substr(used));
        if (piece.refused) return {.used = used, .refusal = 400};
        if (piece.used == 0) break;
        used += piece.used;
        if (piece.data.size() > route_->options.max_body - body_.size())
            return {.used = used, .refusal = 413};
        body_ += piece.data;
    }
    return {.used = used, .refusal = 0};
}

Incoming::Taken Incoming::take(std::string_view in, Clock::time_point now) {
    last_ = now;
    if (head_.chunked) return take_chunks(in);
    const std::size_t used = std::min<std::uint64_t>(left_, in.size());
    body_ += in.substr(0, used);
    left_ -= used;
    return {.used = used, .refusal = 0};
}

Clock::time_point Incoming::deadline(const HttpLimits& limits) const noexcept {
    const auto idle = limit_after(last_, limits.body_idle_timeout);
    if (limits.min_body_rate == 0) return idle;
    const auto earned = std::chrono::seconds(body_.size() / limits.min_body_rate);
    return std::min(idle, deadline_after(start_, kGrace + earned));
}

}  // namespace switchboard::http::detail

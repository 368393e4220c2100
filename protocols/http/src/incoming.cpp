#include "incoming.hpp"

namespace switchboard::http::detail {

Incoming::Incoming(std::string_view head_text, const HttpLimits& limits, const Router& router,
                   Clock::time_point now)
    : head_text_(head_text) {
    std::size_t seen = 0;
    parse_head(head_text_, limits, seen, head_);
    route_ = &router.find(head_.method, head_.path, captures_);
    input_.emplace(head_, route_->options.max_body, now);
}

Incoming::Taken Incoming::take(std::string_view in, Clock::time_point now) {
    std::size_t used = 0;
    while (!whole()) {
        const BodyInput::Piece piece = input_->next(in.substr(used), now);
        used += piece.used;
        if (piece.refusal != 0) return {.used = used, .refusal = piece.refusal};
        if (piece.used == 0) break;
        body_ += piece.data;
    }
    return {.used = used, .refusal = 0};
}

}  // namespace switchboard::http::detail

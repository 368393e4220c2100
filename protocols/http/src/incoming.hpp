// A request whose body did not come together with its head.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/connection.hpp>

#include "body_input.hpp"
#include "head.hpp"
#include "router.hpp"

namespace switchboard::http::detail {

// Keeps the head, because its bytes are gone once more is read, and collects the body.
class Incoming {
public:
    // `head_text` was parsed before, so it is valid.
    Incoming(std::string_view head_text, const HttpLimits& limits, const Router& router,
             Clock::time_point now);

    struct Taken {
        std::size_t used = 0;
        unsigned refusal = 0;  // the status to refuse the request with; 0: none
    };
    Taken take(std::string_view in, Clock::time_point now);
    bool whole() const noexcept { return input_->whole(); }

    const Head& head() const noexcept { return head_; }
    const Route& route() const noexcept { return *route_; }
    const Captures& captures() const noexcept { return captures_; }
    Bytes body() const noexcept { return as_bytes(body_); }
    std::span<const Field> trailers() const noexcept { return input_->trailers(); }
    Clock::time_point deadline(const HttpLimits& limits) const noexcept {
        return input_->deadline(limits);
    }

private:
    const std::string head_text_;
    Head head_;
    Captures captures_;
    const Route* route_ = nullptr;
    std::optional<BodyInput> input_;  // set once the head is parsed
    std::string body_;
};

}  // namespace switchboard::http::detail

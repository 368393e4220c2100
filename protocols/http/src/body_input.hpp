// The body of a request, as it is read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/connection.hpp>
#include <switchboard/http.hpp>
#include <vector>

#include "chunks.hpp"
#include "head.hpp"

namespace switchboard::http::detail {

// Finds the body of one request in the input, and judges whether it is too long or too slow.
class BodyInput {
public:
    // `most` is RouteOptions::max_body.
    BodyInput(const Head& head, std::uint64_t most, Clock::time_point now) noexcept
        : chunked_(head.chunked), left_(head.length), most_(most), start_(now), last_(now) {}

    struct Piece {
        std::size_t used = 0;        // bytes of the input that were used
        std::string_view data = {};  // the part of the body among them
        unsigned refusal = 0;        // the status to refuse the request with; 0: none
    };
    // Reads one piece at the front of `in`. If nothing is used, more bytes are needed.
    Piece next(std::string_view in, Clock::time_point now);
    bool whole() const noexcept { return chunked_ ? chunks_.done() : left_ == 0; }
    std::span<const Field> trailers() const noexcept { return trailers_; }  // once it is whole

    // When the peer counts as too slow.
    Clock::time_point deadline(const HttpLimits& limits) const noexcept;
    // The time from `from` to `to` does not count.
    void forgive(Clock::time_point from, Clock::time_point to) noexcept;
    void start_over(Clock::time_point now) noexcept;  // no time so far counts

private:
    Piece next_chunk(std::string_view in);
    void parse_trailers();

    bool chunked_;
    std::uint64_t left_;  // of a body whose length is known
    std::uint64_t most_;
    std::uint64_t received_ = 0;
    Chunks chunks_;
    std::string trailer_text_;
    std::vector<Field> trailers_;
    Clock::time_point start_, last_;  // of the body; of its last byte
};

}  // namespace switchboard::http::detail

// The ways in which check() delivers a transcript.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <switchboard/testing/check.hpp>

namespace switchboard::testing {

struct Delivery {
    enum class Kind : std::uint8_t {
        whole,
        twice,
        pipelined,
        cut,
        bytewise,
        fin,
        rst,
        shutdown,
        random_pieces,
        slow_peer,
        deaf_peer,
        allocation,
        oversize,
        scan,
        two_cuts
    };
    Kind kind = Kind::whole;
    std::size_t first =
        0;  // the place in the input, or the number of the random pieces or allocation
    std::size_t second = 0;  // the place of the second cut

    bool is_one_of(std::initializer_list<Kind> kinds) const noexcept {
        for (const Kind each : kinds)
            if (each == kind) return true;
        return false;
    }
    // Whether the input ends early, after `first` bytes.
    bool ends_early() const noexcept { return is_one_of({Kind::fin, Kind::rst, Kind::shutdown}); }
    std::string to_string() const;
};

// What a delivery had as its result.
enum class Next : std::uint8_t { go_on, next_kind, stop };

// Calls `run` with the deliveries of the transcript, the smallest first, until it returns `stop`. After
// `next_kind` the others of the same kind are left out.
void each_delivery(const Transcript& transcript, const CheckOptions& options,
                   const std::function<Next(const Delivery&)>& run);

// Returns all bytes that the peer sends in a transcript.
std::string input_of(const Transcript& transcript);

}  // namespace switchboard::testing

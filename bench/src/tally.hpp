// What a load has seen.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <system_error>

#include "histogram.hpp"

namespace switchboard::bench {

// How a connection can fail, for the counts.
enum class Failure : std::uint8_t { refused, reset, closed, timed_out, wrong_bytes, other };
constexpr std::size_t kFailures = 6;
const char* to_string(Failure failure) noexcept;  // "refused", "closed by the server", ...
Failure failure_of(std::error_code reason);       // what a connection ended with

using FailureCounts = std::array<std::size_t, kFailures>;
// "3 refused, 1 failed: too many open files", with what the first of kind `other` said; empty when nothing
// failed.
std::string failures_text(const FailureCounts& failures, const std::string& first_of_other = {});

// Exchanges, served, due, unanswered, stuck and latencies are those of the current window, the rest counts
// from the start. Times are nanoseconds.
struct Tally {
    std::uint64_t exchanges = 0;  // that came to their end within the window
    std::size_t served = 0;       // connections with at least one of them
    // From when a request was due to the last byte of its reply. In a closed loop it is due when it is
    // sent; in an open loop it waits while no connection is free, and that time counts.
    Histogram latency;
    // Of an open loop: from when it was sent. A server that stalls looks well in it, as all those who
    // would have asked in the meantime are not in it ("coordinated omission").
    Histogram uncorrected;
    std::uint64_t due = 0;         // of an open loop: requests due within the window
    std::uint64_t unanswered = 0;  // of these: given up, or on connections that failed
    std::size_t stuck = 0;         // of a closed loop: see Load::count_stuck()
    std::size_t connected = 0;
    std::size_t answered = 0;  // connections that have had a reply at all
    std::size_t failed = 0;
    FailureCounts failures{};
    std::string first_failure;  // what the first one of kind `other` said

    // Of one whose window never opened: only what counts from the start.
    Tally without_window() const;
    std::string failures_text() const { return bench::failures_text(failures, first_failure); }
    std::size_t wrong() const { return failures[static_cast<std::size_t>(Failure::wrong_bytes)]; }
};

}  // namespace switchboard::bench

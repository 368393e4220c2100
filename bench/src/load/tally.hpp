// The counts of a load.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <system_error>

#include "base/histogram.hpp"

namespace switchboard::bench {

// The ways in which a connection can fail, for the counts.
enum class Failure : std::uint8_t { refused, reset, closed, timed_out, wrong_bytes, other };
constexpr std::size_t kFailures = 6;
const char* to_string(Failure failure) noexcept;  // "refused", "closed by the server", ...
Failure failure_of(std::error_code reason);       // from the reason that a connection ended with

using FailureCounts = std::array<std::size_t, kFailures>;
// "3 refused, 1 failed: too many open files", with the message of the first failure of kind `other`; empty if
// nothing failed.
std::string failures_text(const FailureCounts& failures, const std::string& first_of_other = {});

// Exchanges, served, due, unanswered, starved and latencies count the current window, the rest counts from
// the start. Times are nanoseconds.
struct Tally {
    std::uint64_t exchanges = 0;  // completed within the window
    std::size_t served = 0;       // connections with at least one exchange
    std::uint64_t bytes = 0;      // sent and received since the window opened
    // From when a request was due to the last byte of its reply. In a closed loop a request is due when it is
    // sent. In an open loop it waits while no connection is free, and that time counts.
    Histogram latency;
    // Open loop: from when the request was sent. A stalled server looks good in it, because the requests that
    // it delayed count from their late send ("coordinated omission").
    Histogram uncorrected;
    std::uint64_t due = 0;         // open loop: requests due within the window
    std::uint64_t unanswered = 0;  // of these: given up, or on connections that failed
    std::size_t starved = 0;       // closed loop: see Load::count_starved()
    std::size_t connected = 0;
    std::size_t answered = 0;  // connections that have had any reply
    std::size_t failed = 0;
    FailureCounts failures{};
    std::string first_failure;  // the message of the first one of kind `other`

    // For a load whose window never opened: only the counts from the start.
    Tally without_window() const;
    std::string failures_text() const { return bench::failures_text(failures, first_failure); }
    std::size_t wrong() const { return failures[static_cast<std::size_t>(Failure::wrong_bytes)]; }
};

}  // namespace switchboard::bench

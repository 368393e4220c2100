// Decides whether a cell's figures are what its row says. An invalid cell is shown with the reasons, without
// rank and ratio, and nothing is compared with it. A doubtful cell has no rank.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "compare/experiment.hpp"
#include "compare/measurement.hpp"

namespace switchboard::bench {

enum class Reason {
    not_run,       // Ctrl-C came first
    not_measured,  // the server did not start, or died
    // Connections without a reply in the window or in its second half, requests that were never answered, or
    // no completed exchange.
    not_all_served,
    errors,            // connections that failed
    rate_not_reached,  // less was done than requested
    // These two make a cell doubtful, not invalid: the server did nothing wrong.
    generator_saturated,  // the generator, not the server, was the bottleneck
    noise,                // other processes used too much of the CPUs
};
// The names in files.
inline constexpr std::array<std::string_view, 7> kReasonWords{
    "not_run",          "not_measured",        "not_all_served", "errors",
    "rate_not_reached", "generator_saturated", "noise"};
inline std::string_view to_string(Reason reason) noexcept {
    return kReasonWords[static_cast<std::size_t>(reason)];
}

// The text is for people, and says how much: "serves 4 of 100" (the others wait for ever), "replies to 40 of
// 100 within the window" (all are served, but more slowly than the window is long), "12 refused".
struct Invalid {
    Reason reason;
    std::string text;
};

inline constexpr double kBusy = 0.9;  // of a CPU; above it the CPU counts as fully used
// The used part of the CPUs that the server can use, in the window.
inline double busy_of_server(const Measurement& m) noexcept {
    return m.server_cpu.total / m.seconds / m.server_cpus;
}
// By the used parts of their CPUs: the generator's was fully used, and the server's was not.
inline bool is_generator_bound(double generator, double server) noexcept {
    return generator > kBusy && server <= kBusy;
}
std::string generator_bound_text(double generator, double server);

inline constexpr double kRateReached = 0.99;  // of the requests that were due

// Whether so many exchanges cover those that were `due`, except for 1% and two at the window's edges. They
// are compared with `due`, not with the rate: random arrivals may be more or fewer.
bool reaches_rate(std::uint64_t exchanges, std::uint64_t due) noexcept;

// Empty if it is valid. Failed and unserved connections count in every round; a rate below kRateReached of
// the requested one counts in the median round.
std::vector<Invalid> why_invalid(const CellRounds& cell);
// Why the figures of a valid cell are shown, but not ranked. Like the figures, what varies with the machine
// is judged by the median round: the generator's CPU above kBusy while the server's is not, and noise above
// `noise_limit`.
std::vector<Invalid> why_doubtful(const CellRounds& cell, double noise_limit = kNoiseLimit);
// The texts of all in one line; empty if there are none.
std::string notes_of(const std::vector<Invalid>& reasons);

}  // namespace switchboard::bench

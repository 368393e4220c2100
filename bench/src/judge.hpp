// Whether a cell's figures stand for what its row says. One that is invalid is shown, with the reasons;
// it has no rank and no ratio, and nothing is compared with it.
#pragma once

#include <string>
#include <vector>

#include "measurement.hpp"

namespace switchboard::bench {

enum class Reason {
    not_run,       // Ctrl-C came first
    not_measured,  // the server did not start, or died
    // Connections without a reply in the window or in its second half, requests that were never answered, or
    // no exchange that came to its end.
    not_all_served,
    errors,               // connections that failed
    generator_saturated,  // the generator, not the server, was what could do no more
    rate_not_reached,     // less was done than was asked for
    noise,                // others used too much of the CPUs
};
const char* to_string(Reason reason) noexcept;  // the same word, as it stands in files

// The text is for people, and says how much: "serves 4 of 100" (the others wait for ever), "replies to
// 40 of 100 within the window" (all are served, but more slowly than the window is long), "12 refused".
struct Invalid {
    Reason reason;
    std::string text;
};

inline constexpr double kNoiseLimit = 0.05;  // a share of CPU time; see noise_share()
inline constexpr double kBusy = 0.9;         // of a CPU: above it there was nothing left to give
// The part of the CPUs that it can use, in the window.
inline double busy_of_server(const Measurement& m) noexcept {
    return m.server_cpu.total / m.seconds / m.server_cpus;
}
// By the parts of their CPUs that both used: the generator had nothing left to give, and the server had.
inline bool is_generator_bound(double generator, double server) noexcept {
    return generator > kBusy && server <= kBusy;
}

inline constexpr double kRateReached = 0.99;  // of the requests that were due

// Whether so many exchanges are those that were `due`, but for 1% and two at the window's edges. What was
// due is compared with, and not the rate: of random arrivals there are more or fewer.
bool reaches_rate(std::uint64_t exchanges, std::uint64_t due) noexcept;

// Empty when it is valid. Failed and unserved connections count in every round. What varies with the
// machine is judged by the median round, as the figures are: the generator's CPU above kBusy while the
// server's is not, a rate below kRateReached of the asked one, noise above `noise_limit`.
std::vector<Invalid> why_invalid(const CellRounds& cell, double noise_limit = kNoiseLimit);
// The texts of all, in one line; empty when it is valid.
std::string notes_of(const std::vector<Invalid>& reasons);

}  // namespace switchboard::bench

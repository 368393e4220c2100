// "50k" and "10k..200k:10k", "poisson": the rates of an open loop, and how requests come.
#pragma once

#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "schedule.hpp"

namespace switchboard::bench {

// Requests a second, in (0, 10 million]: a decimal number, with k or M behind it for a thousand or a
// million. errc::bad_option says what is wrong.
Result<double> parse_rate(const std::string& text);
// One, or FROM..TO:STEP, both ends included; 1,000 steps at most.
Result<std::vector<double>> parse_rates(const std::string& text);

// "constant" or "poisson"; errc::bad_option for anything else.
Result<Arrivals> parse_arrivals(const std::string& text);

}  // namespace switchboard::bench

// Numbers as people read them, in as few characters as say it.
#pragma once

#include <optional>
#include <string>

#include "statistics.hpp"

namespace switchboard::bench {

inline constexpr const char* kNothing = "-";  // no figure: nothing was served

std::string grouped(double value);              // 101,234
std::string fixed(double value, int decimals);  // 9.31
std::string seconds_text(double seconds);       // 982 us, 1.38 ms, 2.10 s: three digits
std::string bytes_text(double bytes);           // 1.4 MiB
// " +-1.2%" with the sign for it: the MAD relative to the median. Empty for one round, which has no
// spread.
std::string percent_text(const Summary& summary);

}  // namespace switchboard::bench

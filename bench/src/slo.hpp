// "p99<2ms": what a server must keep.
#pragma once

#include <string>
#include <switchboard/error.hpp>

namespace switchboard::bench {

// A service level objective: so many percent of the replies come within so much time.
struct Slo {
    double percent = 99;
    double seconds = 0;
    std::string text;  // as it was written
};

// "pN<TIME" with N in (0, 100), as p99.9, or "max<TIME", the time in us, ms or s. errc::bad_option says
// what is wrong.
Result<Slo> parse_slo(const std::string& text);

}  // namespace switchboard::bench

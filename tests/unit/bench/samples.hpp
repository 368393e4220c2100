// What several tests of the benchmark measure and print.
#pragma once

#include <base/histogram.hpp>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

namespace switchboard::test {

constexpr std::uint64_t kMs = 1'000'000;

// Returns 1 to 100 times `unit`, so that all percentiles differ.
inline bench::Histogram hundred(std::uint64_t unit) {
    bench::Histogram histogram;
    for (std::uint64_t i = 1; i <= 100; ++i) histogram.record(i * unit);
    return histogram;
}

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

}  // namespace switchboard::test

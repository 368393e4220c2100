// Describes the machine and the software of a measurement. No figure means anything without it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace switchboard::bench {

// Names and values as in the JSON, in printing order: date, machine, kernel, limits, versions, flags, commit.
// The names are always the same. An unknown value is "unknown"; a governor that a virtual machine hides is
// "none visible".
using Environment = std::vector<std::pair<std::string, std::string>>;
Environment describe_environment();

// Returns version, commit (if git reported it), compiler and flags of this build in one line.
std::string describe_build();

}  // namespace switchboard::bench

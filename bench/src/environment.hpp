// Where it was measured, and with what: without it no figure means anything.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace switchboard::bench {

// Name and value, in the order to print them: date, machine, kernel, limits, versions, flags,
// commit. What this system does not tell is left out.
std::vector<std::pair<std::string, std::string>> describe_environment();

// Version, commit (where git told it), compiler and flags of this build, in one line.
std::string describe_build();

}  // namespace switchboard::bench

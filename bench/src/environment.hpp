// Where it was measured, and with what: without it no figure means anything.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace switchboard::bench {

// Name and value, both as in the JSON, in the order to print them: date, machine, kernel, limits,
// versions, flags, commit. Always the same names; what this system does not tell is "unknown", and a
// governor that a virtual machine hides "none visible".
using Environment = std::vector<std::pair<std::string, std::string>>;
Environment describe_environment();

}  // namespace switchboard::bench

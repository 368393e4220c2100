// What the JSON of several subcommands has alike.
#pragma once

#include <nlohmann/json.hpp>

#include "environment.hpp"
#include "tally.hpp"

namespace switchboard::bench {

nlohmann::ordered_json failures_json(
    const FailureCounts& failures);  // those that there were, by kind
nlohmann::ordered_json environment_json(const Environment& environment);

}  // namespace switchboard::bench

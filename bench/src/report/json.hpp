// JSON that several subcommands share, and the HTML page that shows it.
#pragma once

#include <string>

#include "base/fields.hpp"
#include "load/tally.hpp"
#include "system/environment.hpp"

namespace switchboard::bench {

Json failures_json(const FailureCounts& failures);  // by kind, without zeros
Json environment_json(const Environment& environment);
// Replaces invalid UTF-8, which a server may have written, so that the file is valid JSON.
std::string file_text(const Json& json);
// Returns a run's report as one self-contained HTML file: the page of bench/report with the `json` that
// --json writes, or with an array of these. The script in the page draws everything.
std::string page_of(const std::string& json);

}  // namespace switchboard::bench

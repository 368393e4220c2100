// The log of the program. It goes to stderr, one line per message, so that stdout has only results.
#pragma once

#include <string>
#include <switchboard/log.hpp>
#include <tl/expected.hpp>

namespace switchboard::program {

// Returns a thread-safe sink. The environment variable SWITCHBOARD_LOG sets the lowest level that is shown:
// debug, info, warning, error or off. Default: info. If ",json" follows the level, each line is a JSON
// object with time, level and text. Errors: any other value.
tl::expected<LogSink, std::string> open_log();

}  // namespace switchboard::program

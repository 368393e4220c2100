// Where the program's log goes: stderr, one line each, so that stdout is for results alone.
#pragma once

#include <string>
#include <switchboard/log.hpp>
#include <tl/expected.hpp>

namespace switchboard::program {

// A thread-safe sink. The environment variable SWITCHBOARD_LOG sets the least level that is shown:
// debug, info (the default), warning, error or off; with ",json" behind it each line is a JSON object:
// time, level and text. Anything else is refused.
tl::expected<LogSink, std::string> open_log();

}  // namespace switchboard::program

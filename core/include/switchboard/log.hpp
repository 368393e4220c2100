// Logging: the library is silent unless the program passes in a sink.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace switchboard {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

// Receives the log messages. The text is one line without a line end; it is valid until the call returns. An
// empty sink logs nothing. Threading: called on the thread that logs. The blocking drivers with threads and
// ReactorGroup call it from several threads at once, so it must be thread-safe for them; other drivers do
// not.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace switchboard

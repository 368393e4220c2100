// Where the library says what it did. Silent unless a program passes a sink in.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace switchboard {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

// Called on the thread that has something to say, never concurrently for one driver, except by the
// blocking drivers with threads, where it must be thread-safe. The text is one line, without an end
// of line, and dies when the call returns. An empty one is silence.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace switchboard

// The files of plugins that this process has mapped.
#pragma once

#include <mutex>
#include <string>
#include <switchboard/error.hpp>

#include "plugin.hpp"

namespace switchboard::plugin_host {

// A plugin, under the lock of the list that it is in.
struct OpenPlugin {
    std::unique_lock<std::mutex> lock;
    Plugin* plugin;
};

// Opens the file, or finds it among those that are open, and reads its tables. Files are never unmapped:
// what a plugin leaves behind (threads, error codes, exit handlers) may need its code. Errors: as
// load_plugin().
[[nodiscard]] Result<OpenPlugin> open_plugin(const std::string& given);

// Whether the file can be loaded as far as the files that are open tell. Opens nothing. Errors: as
// open_plugin(); errc::plugin_refused also if the plugin runs.
[[nodiscard]] Result<void> check_is_idle(const std::string& given);

}  // namespace switchboard::plugin_host

// Plugins on the command line.
#pragma once

#include <string>
#include <switchboard/registry.hpp>
#include <vector>

#include "commands.hpp"
#include "loaded_plugins.hpp"

namespace switchboard::program {

// Probes and loads these plugins. Each is a path, or the NAME of a file NAME.so in a directory of
// SWITCHBOARD_PLUGIN_PATH.
Outcome load_plugins(const std::vector<std::string>& plugins, LoadedPlugins& to);

// Returns the path of a plugin that is given as above. Errors: errc::plugin_refused.
Result<std::string> plugin_path(const std::string& plugin);

}  // namespace switchboard::program

// Plugins on the command line.
#pragma once

#include <string>
#include <switchboard/log.hpp>
#include <switchboard/registry.hpp>
#include <vector>

#include "commands.hpp"

namespace switchboard::program {

// Adds the protocols of these plugins. Each is a path, or the NAME of a file NAME.so in a directory of
// SWITCHBOARD_PLUGIN_PATH.
Outcome load_plugins(const std::vector<std::string>& plugins, Registry& registry,
                     const LogSink& sink);

// Returns the path of a plugin that is given as above. Errors: errc::plugin_refused.
Result<std::string> plugin_path(const std::string& plugin);

}  // namespace switchboard::program

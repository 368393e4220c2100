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

inline constexpr const char* kPluginHelp =
    "A path, or the NAME of NAME.so in SWITCHBOARD_PLUGIN_PATH. Its code runs, so use only files "
    "that "
    "you trust";

// The subcommands of `switchboard plugin` that have files of their own. `registry` has the protocols of the
// program, and must outlive the command.
Command add_plugin_check(CLI::App& plugin);
Command add_plugin_new(CLI::App& plugin, const Registry& registry);
Command add_plugin_install(CLI::App& plugin);

}  // namespace switchboard::program

// The subcommands of `switchboard plugin`.
#pragma once

#include <switchboard/registry.hpp>

#include "commands.hpp"

namespace switchboard::program {

inline constexpr const char* kPluginHelp =
    "A path, or the NAME of NAME.so in SWITCHBOARD_PLUGIN_PATH. Its code runs, so use only files "
    "that you trust";

Command add_plugin_check(CLI::App& plugin);
// `registry` has the protocols of the program, whose names are taken. It must outlive the command.
Command add_plugin_new(CLI::App& plugin, const Registry& registry);
Command add_plugin_install(CLI::App& plugin);

}  // namespace switchboard::program

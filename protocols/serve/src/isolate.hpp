// `switchboard serve --isolate N`: N processes with a reactor each, and a supervisor that owns the listeners.
#pragma once

#include <string>
#include <switchboard/log.hpp>
#include <switchboard/registry.hpp>
#include <vector>

#include "plan.hpp"

namespace switchboard::program {

struct PluginArguments {
    std::vector<std::string> plugins;  // as given
    std::vector<std::string> probe;    // for LoadedPlugins
};

// The plugins are loaded in the workers, so that no code of a plugin can end the supervisor.
Outcome serve_isolated(const Plan& plan, const Registry& built_in, const PluginArguments& plugins,
                       const LogSink& sink);

}  // namespace switchboard::program

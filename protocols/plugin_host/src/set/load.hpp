// Loads a plugin, for load_plugin() and PluginSet.
#pragma once

#include <memory>
#include <string>
#include <switchboard/log.hpp>
#include <switchboard/registry.hpp>

#include "set/uses.hpp"

namespace switchboard::plugin_host {

// Opens and starts the plugin. Errors: as load_plugin(). The protocols that `before` has may be in the
// registry already; null: none may.
[[nodiscard]] Result<std::shared_ptr<Plugin>> start(const std::string& path,
                                                    const Registry& registry, LogSink log,
                                                    const Plugin* before);

struct Loaded {
    Plugin* plugin;
    std::shared_ptr<Uses> uses;
};
// Starts the plugin and adds its protocols to the registry.
[[nodiscard]] Result<Loaded> load(const std::string& path, Registry& registry, LogSink log);

}  // namespace switchboard::plugin_host

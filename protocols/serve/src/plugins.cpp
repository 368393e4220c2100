#include "plugins.hpp"

#include <cstdlib>
#include <switchboard/plugin_host.hpp>

namespace switchboard::program {

Result<std::string> plugin_path(const std::string& plugin) {
    const char* const directories = std::getenv("SWITCHBOARD_PLUGIN_PATH");
    return find_plugin(plugin, directories ? directories : "").map_error([&](const Error& error) {
        return directories ? error
                           : Error(error.code(), plugin +
                                                     ": SWITCHBOARD_PLUGIN_PATH is not set; a file "
                                                     "in this directory is ./" +
                                                     plugin);
    });
}

Outcome load_plugins(const std::vector<std::string>& plugins, LoadedPlugins& to) {
    // Probes fork, and a plugin may start threads when it is loaded. So all probes come first.
    std::vector<std::string> paths;
    for (const std::string& each : plugins) {
        const auto path = plugin_path(each);
        if (!path) return refuse(path.error());
        if (const auto probed = probe_plugin(*path); !probed) return refuse(probed.error());
        paths.push_back(*path);
    }
    for (std::size_t i = 0; i < plugins.size(); ++i)
        if (auto loaded = to.load(plugins[i], paths[i]); !loaded) return loaded;
    return {};
}

}  // namespace switchboard::program

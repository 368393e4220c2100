#include "plugins.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <switchboard/plugin_host.hpp>

namespace switchboard::program {
namespace {

void print(const PluginInfo& info) {
    std::printf("%s %s", info.name.c_str(), info.version.c_str());
    if (!info.summary.empty()) std::printf("  %s", info.summary.c_str());
    std::printf("\nfile: %s\nABI: %s\n", info.path.c_str(), info.abi.c_str());
    if (!info.licence.empty()) std::printf("licence: %s\n", info.licence.c_str());
    std::printf("protocols:\n");
    for (const PluginInfo::Protocol& each : info.protocols) print_protocol(each, 0);
}

Outcome inspect(const std::string& plugin) {
    const auto info = plugin_path(plugin).and_then(inspect_plugin);
    if (!info) return refuse(info.error());
    print(*info);
    if (std::fflush(stdout) != 0) return refuse(fail_errno("write to stdout").value());
    return {};
}

}  // namespace

Result<std::string> plugin_path(const std::string& plugin) {
    const char* const directories = std::getenv("SWITCHBOARD_PLUGIN_PATH");
    return find_plugin(plugin, directories ? directories : "").map_error([&](const Error& error) {
        return directories ? error
                           : Error(error.code(), plugin +
                                                     ": not a path, and SWITCHBOARD_PLUGIN_PATH "
                                                     "is not set");
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

Command add_plugin(CLI::App& app) {
    auto plugin = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("plugin", "Commands for plugins");
    command->require_subcommand(1);
    CLI::App* inspecting =
        command->add_subcommand("inspect", "Check a plugin, and print what it says of itself");
    inspecting
        ->add_option("plugin", *plugin,
                     "A path, or the NAME of NAME.so in SWITCHBOARD_PLUGIN_PATH. Its initializers "
                     "run, so inspect only files that you trust")
        ->required();
    return {command, [plugin] { return inspect(*plugin); }};
}

}  // namespace switchboard::program

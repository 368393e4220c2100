#include "plugin.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <switchboard/plugin_host.hpp>
#include <vector>

#include "plugins.hpp"

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

Command add_plugin(CLI::App& app, const Registry& registry) {
    auto plugin = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("plugin", "Commands for plugins");
    command->require_subcommand(1);
    CLI::App* inspecting =
        command->add_subcommand("inspect", "Check a plugin, and print its description of itself");
    inspecting->add_option("plugin", *plugin, kPluginHelp)->required();
    const std::vector<Command> commands = {{inspecting, [plugin] { return inspect(*plugin); }},
                                           add_plugin_check(*command),
                                           add_plugin_new(*command, registry),
                                           add_plugin_install(*command)};
    return {command, [commands]() -> Outcome {
                for (const Command& each : commands)
                    if (each.parsed->parsed()) return each.run();
                return {};
            }};
}

}  // namespace switchboard::program

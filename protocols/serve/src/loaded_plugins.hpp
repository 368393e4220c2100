// The plugins of a running server, which are replaced when their files are.
#pragma once

#include <string>
#include <switchboard/log.hpp>
#include <switchboard/plugin_set.hpp>
#include <vector>

#include "commands.hpp"

namespace switchboard::program {

class LoadedPlugins {
public:
    // A process with threads cannot probe a plugin by fork(2) alone. So it runs the program again, with the
    // arguments `probe` and the path of the plugin: see add_probe().
    LoadedPlugins(Registry& registry, const LogSink& sink, std::vector<std::string> probe);

    bool empty() const noexcept { return all_.empty(); }
    // `given` is the path or the name on the command line, and `path` what it leads to now.
    Outcome load(const std::string& given, const std::string& path);
    // Whether the file of a plugin is another one by now, or is gone.
    bool have_changed() const;
    // Replaces each plugin whose file is another one by now. Logs each result; after an error the version in
    // use goes on. Blocks while it probes. Threading: as PluginSet.
    void replace_changed();

private:
    struct Plugin {
        std::string given, name, version;
    };
    bool has_changed(const Plugin& plugin) const;
    void replace(Plugin& plugin);

    const LogSink& sink_;
    PluginSet set_;
    std::vector<Plugin> all_;
};

// Adds the argument that makes the program probe a plugin and exit. It is for LoadedPlugins, so --help does
// not list it.
void add_probe(CLI::App& command, std::string& path);
// Probes in a child process, as load_plugins() does. Prints a line if the plugin is good.
Outcome probe(const std::string& path);
// The arguments for LoadedPlugins, after those that select the command.
std::vector<std::string> probe_arguments(std::vector<std::string> command);

}  // namespace switchboard::program

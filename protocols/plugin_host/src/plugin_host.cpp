#include <switchboard/plugin_host.hpp>

#include <unistd.h>

#include "file/library.hpp"
#include "set/load.hpp"
#include "text.hpp"

namespace switchboard {
namespace plugin_host {
namespace {

// Whether the registry can take the protocols of the plugin, besides those of the version before it.
Result<void> check_names(const Plugin& plugin, const Registry& registry, const std::string& path,
                         const Plugin* before) {
    for (const ProtocolTable& each : plugin.tables().protocols) {
        if (registry.find(each.name) && !(before && before->protocol(each.name)))
            return fail(errc::plugin_refused,
                        path + ": there is a protocol " + each.name + " already");
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<Plugin>> start(const std::string& path, const Registry& registry,
                                      LogSink log, const Plugin* before) {
    const auto open = open_plugin(path);
    if (!open) return tl::unexpected(open.error());
    Plugin& plugin = *open->plugin;
    const std::string absolute = plugin.info().path;
    if (plugin.is_running()) return fail(errc::plugin_refused, absolute + ": it is loaded already");
    if (auto usable = check_names(plugin, registry, absolute, before); !usable)
        return tl::unexpected(usable.error());
    auto running = Plugin::start(plugin, std::move(log));
    if (!running) return fail(errc::plugin_refused, absolute + ": " + running.error());
    // Not before start(): a plugin in C++ reports there why it has none.
    if (plugin.tables().protocols.empty())
        return fail(errc::plugin_refused, absolute + ": it has no protocols");
    return std::move(*running);
}

Result<Loaded> load(const std::string& path, Registry& registry, LogSink log) {
    const auto running = start(path, registry, std::move(log), nullptr);
    if (!running) return tl::unexpected(running.error());
    Plugin& plugin = **running;
    Loaded loaded{&plugin, std::make_shared<Uses>(*running)};
    for (const ProtocolTable& each : plugin.tables().protocols)
        registry.add(loaded.uses->registration_of(each));
    return loaded;
}

}  // namespace plugin_host

std::string plugin_abi() {
    return plugin_host::abi_text(SB_ABI);
}

Result<PluginInfo> inspect_plugin(const std::string& path) {
    return plugin_host::open_plugin(path).map(
        [](const plugin_host::OpenPlugin& open) { return open.plugin->info(); });
}

Result<PluginInfo> load_plugin(const std::string& path, Registry& registry, LogSink log) {
    return plugin_host::load(path, registry, std::move(log))
        .map([](const plugin_host::Loaded& loaded) { return loaded.plugin->info(); });
}

Result<std::string> find_plugin(std::string_view name, std::string_view directories) {
    if (name.find('/') != std::string_view::npos) return std::string(name);
    for (std::string_view rest = directories; !rest.empty();) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
        const std::string path = std::string(directory) + "/" + std::string(name) + ".so";
        if (directory.starts_with('/') && ::access(path.c_str(), F_OK) == 0) return path;
    }
    return fail(errc::plugin_refused, "there is no " + std::string(name) +
                                          ".so in the absolute directories of \"" +
                                          std::string(directories) + "\"");
}

}  // namespace switchboard

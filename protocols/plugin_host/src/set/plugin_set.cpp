#include <switchboard/plugin_set.hpp>

#include <algorithm>

#include "file/library.hpp"
#include "set/load.hpp"

namespace switchboard {

using plugin_host::Plugin;
using plugin_host::ProtocolTable;

class PluginSet::Impl {
public:
    Impl(Registry& registry, PluginSetOptions options)
        : registry_(registry), options_(std::move(options)) {}

    Result<PluginInfo> load(const std::string& path);
    Result<void> unload(std::string_view name);
    Result<PluginInfo> replace(std::string_view name, const std::string& path);
    bool uses(const std::string& path) const;
    std::vector<PluginVersion> list() const;

private:
    using InUse = std::vector<plugin_host::Loaded>::iterator;

    InUse find(std::string_view name) {
        return std::find_if(in_use_.begin(), in_use_.end(), [&](const plugin_host::Loaded& each) {
            return each.plugin->tables().name == name;
        });
    }
    Result<InUse> find_known(std::string_view name) {
        const auto found = find(name);
        if (found != in_use_.end()) return found;
        return fail(errc::plugin_refused, "there is no plugin " + std::string(name));
    }
    Result<std::shared_ptr<Plugin>> start_version(const Plugin& before, const std::string& path);
    void describe(const plugin_host::Loaded& before, const Plugin& plugin);
    // Whether the registry has the protocol as the plugin's.
    bool has(const plugin_host::Loaded& plugin, const std::string& protocol) const {
        const Registration* const found = registry_.find(protocol);
        return found && plugin.uses->made(*found);
    }
    void retire(Plugin* plugin);
    void use_again(const Plugin* plugin);

    Registry& registry_;
    const PluginSetOptions options_;
    std::vector<plugin_host::Loaded> in_use_;
    std::vector<Plugin*> retired_;
};

namespace {

tl::unexpected<Error> refused(const Plugin& plugin, const std::string& why) {
    return fail(errc::plugin_refused, plugin.info().path + ": " + why);
}

// Whether the plugin can take the place of the one before it.
Result<void> compare(const Plugin& plugin, const Plugin& before) {
    const std::string& name = before.tables().name;
    if (plugin.tables().name != name)
        return refused(plugin, "it is plugin " + plugin.tables().name + ", and not " + name);
    for (const ProtocolTable& old : before.tables().protocols) {
        const ProtocolTable* const same = plugin.protocol(old.name);
        if (!same)
            return refused(plugin,
                           "it has no protocol " + old.name + ", which the version in use has");
        if ((old.stream && !same->stream) || (old.datagrams && !same->datagrams))
            return refused(plugin, "protocol " + old.name + " lacks streams or datagrams, which " +
                                       "it has in the version in use");
        // The program has decided by the flags how it serves the protocol.
        if (same->table.flags != old.table.flags)
            return refused(plugin, "the flags of protocol " + old.name + " are " +
                                       std::to_string(same->table.flags) +
                                       ", and those of the version in use " +
                                       std::to_string(old.table.flags));
    }
    return {};
}

PluginVersion version_of(const Plugin& plugin, bool retired) {
    const auto& tables = plugin.tables();
    return {.name = tables.name,
            .version = tables.version,
            .path = plugin.info().path,
            .retired = retired,
            .running = plugin.is_running(),
            .connections = plugin.connections(),
            .mapped = plugin.file().mapped};
}

}  // namespace

Result<PluginInfo> PluginSet::Impl::load(const std::string& path) {
    // The name is known only when the file is open.
    const auto info = inspect_plugin(path);
    if (!info) return info;
    if (find(info->name) != in_use_.end())
        return fail(errc::plugin_refused,
                    info->path + ": a plugin " + info->name + " is in use already");
    auto loaded = plugin_host::load(path, registry_, options_.log);
    if (!loaded) return tl::unexpected(loaded.error());
    use_again(loaded->plugin);
    in_use_.push_back(std::move(*loaded));
    return in_use_.back().plugin->info();
}

Result<void> PluginSet::Impl::unload(std::string_view name) {
    const auto found = find_known(name);
    if (!found) return tl::unexpected(found.error());
    const plugin_host::Loaded unloaded = std::move(**found);
    in_use_.erase(*found);
    retire(unloaded.plugin);
    for (const ProtocolTable& each : unloaded.plugin->tables().protocols)
        if (has(unloaded, each.name)) static_cast<void>(registry_.remove(each.name));
    unloaded.uses->end();
    return {};
}

// Everything that can be checked without the uses.
Result<std::shared_ptr<Plugin>> PluginSet::Impl::start_version(const Plugin& before,
                                                               const std::string& path) {
    if (auto idle = plugin_host::check_is_idle(path); !idle) return tl::unexpected(idle.error());
    if (options_.probe)
        if (auto probed = options_.probe(path); !probed) return tl::unexpected(probed.error());
    auto running = plugin_host::start(path, registry_, options_.log, &before);
    if (!running) return running;
    if (auto same = compare(**running, before); !same) return tl::unexpected(same.error());
    return running;
}

Result<PluginInfo> PluginSet::Impl::replace(std::string_view name, const std::string& path) {
    const auto found = find_known(name);
    if (!found) return tl::unexpected(found.error());
    plugin_host::Loaded& place = **found;
    const auto running = start_version(*place.plugin, path);
    if (!running) return tl::unexpected(running.error());
    Plugin& next = **running;
    if (auto switched = place.uses->replace(*running, options_.reactor_timeout); !switched)
        return refused(next, switched.error().context());
    describe(place, next);
    retire(std::exchange(place.plugin, &next));
    use_again(&next);
    return next.info();
}

// Gives the registry the descriptions of a new version. A protocol that was removed from it stays away, and
// one that the program has put in its place stays.
void PluginSet::Impl::describe(const plugin_host::Loaded& before, const Plugin& plugin) {
    for (const ProtocolTable& each : plugin.tables().protocols) {
        Registration registration = before.uses->registration_of(each);
        if (!before.plugin->protocol(each.name))
            registry_.add(std::move(registration));
        else if (has(before, each.name))
            static_cast<void>(registry_.replace(std::move(registration)));
    }
}

void PluginSet::Impl::retire(Plugin* plugin) {
    constexpr std::size_t kMany = 64;
    retired_.push_back(plugin);
    if (retired_.size() % kMany != 0 || !options_.log) return;
    std::uint64_t mapped = 0;
    for (const Plugin* const each : retired_) mapped += each->file().mapped;
    options_.log(LogLevel::warning, std::to_string(retired_.size()) +
                                        " retired versions of plugins are mapped, with " +
                                        std::to_string(mapped / 1024) +
                                        " KiB: a restart of the program frees them");
}

void PluginSet::Impl::use_again(const Plugin* plugin) {
    retired_.erase(std::remove(retired_.begin(), retired_.end(), plugin), retired_.end());
}

bool PluginSet::Impl::uses(const std::string& path) const {
    return std::any_of(in_use_.begin(), in_use_.end(), [&](const plugin_host::Loaded& each) {
        return plugin_host::is_still(path, each.plugin->file());
    });
}

std::vector<PluginVersion> PluginSet::Impl::list() const {
    std::vector<PluginVersion> all;
    for (const plugin_host::Loaded& each : in_use_) all.push_back(version_of(*each.plugin, false));
    for (const Plugin* const each : retired_) all.push_back(version_of(*each, true));
    return all;
}

PluginSet::PluginSet(Registry& registry, PluginSetOptions options)
    : impl_(std::make_unique<Impl>(registry, std::move(options))) {}

PluginSet::~PluginSet() = default;

Result<PluginInfo> PluginSet::load(const std::string& path) {
    return impl_->load(path);
}

Result<void> PluginSet::unload(std::string_view name) {
    return impl_->unload(name);
}

Result<PluginInfo> PluginSet::replace(std::string_view name, const std::string& path) {
    return impl_->replace(name, path);
}

bool PluginSet::uses(const std::string& path) const {
    return impl_->uses(path);
}

std::vector<PluginVersion> PluginSet::list() const {
    return impl_->list();
}

}  // namespace switchboard

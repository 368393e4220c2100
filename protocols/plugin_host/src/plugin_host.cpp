#include <switchboard/plugin_host.hpp>

#include <unistd.h>
#include <exception>

#include "library.hpp"
#include "plugin_protocol.hpp"
#include "text.hpp"

namespace switchboard {

using plugin_host::Plugin;
using plugin_host::ProtocolTable;
using plugin_host::Service;
using plugin_host::StreamTable;

namespace {

std::int64_t number_of(const OptionSpec& spec, const Options& options) {
    switch (spec.type) {
        case OptionSpec::Type::text:
        case OptionSpec::Type::endpoint: return 0;
        case OptionSpec::Type::flag: return options.flag(spec.name) ? 1 : 0;
        case OptionSpec::Type::integer: return options.integer(spec.name);
        case OptionSpec::Type::size: return static_cast<std::int64_t>(options.size(spec.name));
        case OptionSpec::Type::duration: return options.duration(spec.name).count();
        case OptionSpec::Type::choice: return static_cast<std::int64_t>(options.choice(spec.name));
    }
    return 0;
}

// Fills in the service of one use.
Result<void> configure(const ProtocolTable& protocol, const Options& options, Service& service) {
    if (!protocol.table.configure) return {};
    std::vector<sb_value> values;
    for (const OptionSpec& spec : protocol.options)
        values.push_back({options.text(spec.name).c_str(), number_of(spec, options)});
    plugin_host::Reason why{};
    try {
        void* data = nullptr;
        if (protocol.table.configure(protocol.theirs, values.data(), &data, why.data(),
                                     why.size() - 1) == 0) {
            service.data = data;
            return {};
        }
    } catch (const std::exception& thrown) {
        return fail(errc::handler_failed,
                    "configure() threw: " + plugin_host::one_line(thrown.what()));
    } catch (...) {
        return fail(errc::handler_failed, "configure() threw an unknown exception");
    }
    return fail(errc::bad_option, plugin_host::one_line(why.data()));
}

Registration registration_of(const std::shared_ptr<Plugin>& running,
                             const ProtocolTable& protocol) {
    const auto make = [running, &protocol](const Options& options,
                                           const ProtocolContext&) -> Result<ProtocolFactory> {
        const auto service = std::make_shared<Service>(running, protocol.table.release);
        if (auto done = configure(protocol, options, *service); !done)
            return tl::unexpected(done.error());
        service->label = protocol.name;
        StreamTable& stream = running->stream_of(protocol);
        return [service, &stream] {
            return plugin_host::PluginProtocol::make(stream, service, service->data);
        };
    };
    return {.name = protocol.name,
            .summary = protocol.summary,
            .options = protocol.options,
            .one_reactor = (protocol.table.flags & SB_ONE_REACTOR) != 0,
            .make = make};
}

Result<void> check_use(const Plugin& plugin, const Registry& registry, const std::string& path) {
    const auto refused = [&](const std::string& why) {
        return fail(errc::plugin_refused, path + ": " + why);
    };
    if (plugin.is_running()) return refused("it is loaded already");
    for (const ProtocolTable& each : plugin.tables().protocols) {
        if (registry.find(each.name))
            return refused("there is a protocol " + each.name + " already");
    }
    return {};
}

}  // namespace

std::string plugin_abi() {
    return plugin_host::abi_text(SB_ABI);
}

Result<PluginInfo> inspect_plugin(const std::string& path) {
    return plugin_host::open_plugin(path).map(
        [](const plugin_host::OpenPlugin& open) { return open.plugin->info(); });
}

Result<PluginInfo> load_plugin(const std::string& path, Registry& registry, LogSink log) {
    const auto open = plugin_host::open_plugin(path);
    if (!open) return tl::unexpected(open.error());
    Plugin& plugin = *open->plugin;
    const PluginInfo info = plugin.info();
    if (auto usable = check_use(plugin, registry, info.path); !usable)
        return tl::unexpected(usable.error());
    const auto running = Plugin::start(plugin, std::move(log));
    if (!running) return fail(errc::plugin_refused, info.path + ": " + running.error());
    // Not before start(): a plugin in C++ reports there why it has none.
    if (info.protocols.empty())
        return fail(errc::plugin_refused, info.path + ": it has no protocols");
    for (const ProtocolTable& each : plugin.tables().protocols)
        registry.add(registration_of(*running, each));
    return info;
}

Result<std::string> find_plugin(std::string_view name, std::string_view directories) {
    if (name.find('/') != std::string_view::npos) return std::string(name);
    for (std::string_view rest = directories; !rest.empty();) {
        const std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
        const std::string path = std::string(directory) + "/" + std::string(name) + ".so";
        if (directory.starts_with('/') && ::access(path.c_str(), F_OK) == 0) return path;
    }
    return fail(errc::plugin_refused,
                "there is no " + std::string(name) + ".so in \"" + std::string(directories) + "\"");
}

}  // namespace switchboard

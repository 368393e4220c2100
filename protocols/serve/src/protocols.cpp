#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "commands.hpp"

namespace switchboard::program {
namespace {

PluginInfo::Protocol shown(const Registration& registration) {
    return {.name = registration.name,
            .summary = registration.summary,
            .options = registration.options,
            .one_reactor = registration.one_reactor,
            .needs_reactor = registration.needs_reactor,
            .starts_threads = registration.starts_threads,
            .streams = static_cast<bool>(registration.make),
            .datagrams = static_cast<bool>(registration.make_datagram)};
}

std::string text_of(const PluginInfo::Protocol& protocol, std::size_t width) {
    const std::string indent(width + 2, ' ');
    std::string name = protocol.name;
    name.resize(std::max(width, name.size()), ' ');
    std::string text = name + "  " + protocol.summary + "\n";
    for (const OptionSpec& option : protocol.options) {
        text += indent + "  --option " + option.usage() + ": " + option.help;
        text += option.fallback ? " [" + *option.fallback + "]\n" : "\n";
    }
    if (protocol.datagrams)
        text += indent + (protocol.streams ? "  also over" : "  over") + " udp://HOST:PORT\n";
    if (protocol.needs_reactor) text += indent + "  under the reactor driver only\n";
    if (protocol.starts_threads)
        text += indent + "  not under processes and process-pool: starts threads\n";
    return text;
}

Outcome print_all(const Registry& registry) {
    std::printf("%s", list_of(registry).c_str());
    if (std::fflush(stdout) != 0) return refuse(fail_errno("write to stdout").value());
    return {};
}

}  // namespace

std::string list_of(const Registry& registry) {
    std::size_t width = 0;
    for (const Registration& each : registry.all()) width = std::max(width, each.name.size());
    std::string text;
    for (const Registration& each : registry.all()) text += text_of(shown(each), width);
    return text;
}

void print_protocol(const PluginInfo::Protocol& protocol, std::size_t width) {
    std::printf("%s", text_of(protocol, width).c_str());
}

Command add_protocols(CLI::App& app, const Registry& registry) {
    CLI::App* command = app.add_subcommand("protocols", "List the protocols");
    return {command, [&registry] { return print_all(registry); }};
}

}  // namespace switchboard::program

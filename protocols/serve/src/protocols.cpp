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

Outcome print_all(const Registry& registry) {
    std::size_t width = 0;
    for (const Registration& each : registry.all()) width = std::max(width, each.name.size());
    for (const Registration& each : registry.all()) print_protocol(shown(each), width);
    if (std::fflush(stdout) != 0) return refuse(fail_errno("write to stdout").value());
    return {};
}

}  // namespace

void print_protocol(const PluginInfo::Protocol& protocol, std::size_t width) {
    std::printf("%-*s  %s\n", static_cast<int>(width), protocol.name.c_str(),
                protocol.summary.c_str());
    for (const OptionSpec& option : protocol.options) {
        const std::string fallback = option.fallback ? " [" + *option.fallback + "]" : "";
        std::printf("%-*s    --option %s: %s%s\n", static_cast<int>(width), "",
                    option.usage().c_str(), option.help.c_str(), fallback.c_str());
    }
    if (protocol.datagrams) {
        std::printf("%-*s    %s udp://HOST:PORT\n", static_cast<int>(width), "",
                    protocol.streams ? "also over" : "over");
    }
    if (protocol.needs_reactor) {
        std::printf("%-*s    under the reactor driver only\n", static_cast<int>(width), "");
    }
    if (protocol.starts_threads) {
        std::printf("%-*s    not under processes and process-pool: starts threads\n",
                    static_cast<int>(width), "");
    }
}

Command add_protocols(CLI::App& app, const Registry& registry) {
    CLI::App* command = app.add_subcommand("protocols", "List the protocols");
    return {command, [&registry] { return print_all(registry); }};
}

}  // namespace switchboard::program

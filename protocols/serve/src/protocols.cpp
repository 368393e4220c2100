#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "commands.hpp"

namespace switchboard::program {
namespace {

Outcome print_all(const Registry& registry) {
    std::size_t width = 0;
    for (const Registration& each : registry.all()) width = std::max(width, each.name.size());
    for (const Registration& each : registry.all()) print_protocol(each, width);
    if (std::fflush(stdout) != 0) return refuse(fail_errno("write to stdout").value());
    return {};
}

}  // namespace

void print_protocol(const Registration& registration, std::size_t width) {
    std::printf("%-*s  %s\n", static_cast<int>(width), registration.name.c_str(),
                registration.summary.c_str());
    for (const OptionSpec& option : registration.options) {
        const std::string fallback = option.fallback ? " [" + *option.fallback + "]" : "";
        std::printf("%-*s    --option %s: %s%s\n", static_cast<int>(width), "",
                    option.usage().c_str(), option.help.c_str(), fallback.c_str());
    }
    if (registration.make_datagram) {
        std::printf("%-*s    %s udp://HOST:PORT\n", static_cast<int>(width), "",
                    registration.make ? "also over" : "over");
    }
    if (registration.needs_reactor) {
        std::printf("%-*s    under the reactor driver only\n", static_cast<int>(width), "");
    }
}

Command add_protocols(CLI::App& app, const Registry& registry) {
    CLI::App* command = app.add_subcommand("protocols", "List the protocols");
    return {command, [&registry] { return print_all(registry); }};
}

}  // namespace switchboard::program

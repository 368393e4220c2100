#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "commands.hpp"

namespace switchboard::program {
namespace {

std::string text_of(const Registration& registration, std::size_t width) {
    const std::string indent(width + 2, ' ');
    std::string name = registration.name;
    name.resize(std::max(width, name.size()), ' ');
    std::string text = name + "  " + registration.summary + "\n";
    for (const OptionSpec& option : registration.options) {
        text += indent + "  --option " + option.usage() + ": " + option.help;
        text += option.fallback ? " [" + *option.fallback + "]\n" : "\n";
    }
    if (registration.make_datagram)
        text += indent + (registration.make ? "  also over" : "  over") + " udp://HOST:PORT\n";
    if (registration.needs_reactor) text += indent + "  under the reactor driver only\n";
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
    for (const Registration& each : registry.all()) text += text_of(each, width);
    return text;
}

void print_protocol(const Registration& registration, std::size_t width) {
    std::printf("%s", text_of(registration, width).c_str());
}

Command add_protocols(CLI::App& app, const Registry& registry) {
    CLI::App* command = app.add_subcommand("protocols", "List the protocols");
    return {command, [&registry] { return print_all(registry); }};
}

}  // namespace switchboard::program

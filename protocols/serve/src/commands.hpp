// The subcommands of the program `switchboard`, each of which has its own file, and what is around them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <switchboard/plugin_host.hpp>
#include <switchboard/registry.hpp>
#include <tl/expected.hpp>

namespace CLI {
class App;
}

namespace switchboard::program {

// The result of a command: success, or the error line for stderr.
using Outcome = tl::expected<void, std::string>;

inline tl::unexpected<std::string> refuse(std::string why) {
    return tl::unexpected<std::string>(std::move(why));
}
inline tl::unexpected<std::string> refuse(const Error& error) {
    return refuse(error.message());
}

// A subcommand on the command line, and the function that runs it.
struct Command {
    CLI::App* parsed;
    std::function<Outcome()> run;
};

// `registry` must outlive the command.
Command add_serve(CLI::App& app, const Registry& registry);
Command add_exchange(CLI::App& app);
Command add_protocols(CLI::App& app, const Registry& registry);
Command add_plugin(CLI::App& app, const Registry& registry);

// Adds the arguments of `switchboard serve` to a program without subcommands. Returns the function that
// serves.
std::function<Outcome()> add_serve_arguments(CLI::App& app, const Registry& registry);

// Prints a protocol and its options, in the form of `switchboard protocols`; names take `width` columns.
void print_protocol(const PluginInfo::Protocol& protocol, std::size_t width);
// All protocols in that form, a line each and a line for each option.
std::string list_of(const Registry& registry);

// Calls `main` in a process that is prepared for a server, and returns its exit status. Prints exceptions.
int run_program(const std::string& name, const std::function<int()>& main) noexcept;
// Parses the command line and calls `run`. Prints what goes wrong, and returns the exit status.
int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<Outcome()>& run);

}  // namespace switchboard::program

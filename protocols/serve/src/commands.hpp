// The subcommands of the `switchboard` program. Each has its own file.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
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

// Prints a protocol and its options, in the form of `switchboard protocols`; names take `width` columns.
void print_protocol(const Registration& registration, std::size_t width);

}  // namespace switchboard::program

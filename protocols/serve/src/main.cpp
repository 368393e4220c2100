#include <csignal>
#include <cstdio>
#include <exception>
#include <switchboard/inetd.hpp>
#include <switchboard/relay.hpp>

#include "commands.hpp"

namespace switchboard::program {
namespace {

Registry known_protocols() {
    Registry registry;
    register_inetd(registry, [] { return std::chrono::system_clock::now(); });
    register_relay(registry);
    return registry;
}

int report(const Outcome& outcome) {
    if (outcome) return 0;
    std::fprintf(stderr, "switchboard: %s\n", outcome.error().c_str());
    return 1;
}

int run(int argc, char** argv) {
    const Registry registry = known_protocols();
    CLI::App app{"Serves any registered protocol under any driver, and asks servers.",
                 "switchboard"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "switchboard " SWITCHBOARD_VERSION);
    const Command commands[] = {add_serve(app, registry), add_exchange(app),
                                add_protocols(app, registry)};
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    for (const Command& command : commands) {
        if (command.parsed->parsed()) return report(command.run());
    }
    return 0;
}

}  // namespace
}  // namespace switchboard::program

int main(int argc, char** argv) {
    // Whoever reads our stdout may go; that must not end a server.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return switchboard::program::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchboard: %s\n", error.what());
        return 1;
    }
}

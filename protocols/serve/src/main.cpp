#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <switchboard/http_registry.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/replies.hpp>
#include <switchboard/websocket_registry.hpp>

#include "commands.hpp"

namespace switchboard::program {
namespace {

Registry known_protocols() {
    Registry registry;
    register_inetd(registry, [] { return std::chrono::system_clock::now(); });
    register_relay(registry);
    register_replies(registry);
    http::register_http(registry);
    websocket::register_websocket(registry);
    return registry;
}

// If a standard stream is closed, a socket or pipe would get its number and be sent the log. So /dev/null is
// opened there, in the wrong direction, so that reading or writing the stream still fails.
void occupy_standard_descriptors() {
    for (const int fd : {0, 1, 2}) {
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

int report(const Outcome& outcome) {
    if (outcome) return 0;
    std::fprintf(stderr, "switchboard: %s\n", outcome.error().c_str());
    return 1;
}

int run(int argc, char** argv) {
    const Registry registry = known_protocols();
    CLI::App app{"Serves a protocol under a driver of your choice, and sends requests to servers.",
                 "switchboard"};
    app.set_version_flag("--version", "switchboard " SWITCHBOARD_VERSION);
    const Command commands[] = {add_serve(app, registry), add_exchange(app),
                                add_protocols(app, registry), add_plugin(app, registry)};
    try {
        app.parse(argc, argv);
        // Checked only after parsing: if there is an unknown word, the error must name that word.
        if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
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
    switchboard::program::occupy_standard_descriptors();
    // The reader of stdout may exit. This must not end a server.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return switchboard::program::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchboard: %s\n", error.what());
        return 1;
    }
}

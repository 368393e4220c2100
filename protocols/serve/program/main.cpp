#include <CLI/CLI.hpp>
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

int run(int argc, char** argv) {
    const Registry registry = known_protocols();
    CLI::App app{"Serves a protocol under a driver of your choice, and sends requests to servers.",
                 "switchboard"};
    app.set_version_flag("--version", "switchboard " SWITCHBOARD_VERSION);
    const Command commands[] = {add_serve(app, registry), add_exchange(app),
                                add_protocols(app, registry), add_plugin(app, registry)};
    // Checked only after parsing: if there is an unknown word, the error must name that word.
    app.final_callback([&app] {
        if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
    });
    return parse_and_run(app, argc, argv, [&]() -> Outcome {
        for (const Command& command : commands) {
            if (command.parsed->parsed()) return command.run();
        }
        return {};
    });
}

}  // namespace
}  // namespace switchboard::program

int main(int argc, char** argv) {
    using namespace switchboard::program;
    return run_program("switchboard", [&] { return run(argc, argv); });
}

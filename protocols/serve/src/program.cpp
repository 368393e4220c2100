// What is around the commands of a program.
#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <switchboard/serve.hpp>

#include "commands.hpp"

namespace switchboard {
namespace program {
namespace {

// If a standard stream is closed, a socket or pipe would get its number and be sent the log. So /dev/null is
// opened there, in the wrong direction, so that reading or writing the stream still fails.
void occupy_standard_descriptors() {
    for (const int fd : {0, 1, 2}) {
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

std::string base_name(int argc, char** argv) {
    const std::string path = argc > 0 ? argv[0] : "";
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.empty() ? "server" : name;
}

}  // namespace

int run_program(const std::string& name, const std::function<int()>& main) noexcept try {
    occupy_standard_descriptors();
    // The reader of stdout may exit. This must not end a server.
    std::signal(SIGPIPE, SIG_IGN);
    return main();
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 1;
}

int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<Outcome()>& run) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    const Outcome outcome = run();
    if (outcome) return 0;
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), outcome.error().c_str());
    return 1;
}

}  // namespace program

int serve_main(int argc, char** argv, const Registry& registry, const ProgramInfo& about) noexcept
    try {
    const std::string name = program::base_name(argc, argv);
    return program::run_program(name, [&] {
        CLI::App app{about.summary, name};
        if (!about.version.empty()) app.set_version_flag("--version", name + " " + about.version);
        const auto serve = program::add_serve_arguments(app, registry);
        return program::parse_and_run(app, argc, argv, serve);
    });
} catch (const std::exception&) {  // no memory for the name
    return 1;
}

}  // namespace switchboard

// switchboard-bench: what the servers can do, measured.
#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "compare_options.hpp"
#include "cost.hpp"
#include "diff.hpp"
#include "environment.hpp"
#include "load_command.hpp"
#include "micro.hpp"
#include "trial.hpp"

namespace {

// Each adds one subcommand; when it is the one asked for, `chosen` becomes what runs it.
void add_subcommands(CLI::App& app, std::function<int()>& chosen) {
    switchboard::bench::add_compare(app, chosen);
    switchboard::bench::add_load(app, chosen);
    switchboard::bench::add_cost(app, chosen);
    switchboard::bench::add_diff(app, chosen);
    switchboard::bench::add_micro(app, chosen);
    switchboard::bench::add_trial(app, chosen);
}

// Where one of them is closed the next file that is opened would take its number, and be written over by
// what is meant for a terminal. Opened so that what is written there still fails, as it did.
void keep_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        [[maybe_unused]] const int opened =
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

// What could not be written to stdout fails a run that went well.
int finish(int status) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    if (status == 0) std::perror("switchboard-bench: write to stdout");
    return status == 0 ? 1 : status;
}

std::string names_of(const CLI::App& app) {
    std::string names;
    for (const CLI::App* each : app.get_subcommands(nullptr))
        names += (names.empty() ? "" : ", ") + each->get_name();
    return names;
}

int usage_error(std::string what) {
    std::replace(what.begin(), what.end(), '\n', ' ');
    std::fprintf(stderr, "switchboard-bench: %s\n", what.c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    keep_standard_descriptors();
    CLI::App app("What the servers can do, measured.", "switchboard-bench");
    app.set_version_flag("--version", "switchboard-bench " + switchboard::bench::describe_build());
    std::function<int()> chosen;
    app.require_subcommand(0, 1);  // "at least 1" would hide which word was none
    add_subcommands(app, chosen);
    try {
        app.parse(argc, argv);
        if (!chosen)
            throw CLI::ParseError("a subcommand is required: " + names_of(app) + "; --help", 2);
        return finish(chosen());
    } catch (const CLI::Success& asked) {  // --help or --version
        return finish(app.exit(asked));
    } catch (const CLI::ParseError& error) {
        return usage_error(error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchboard-bench: %s\n", error.what());
        return 1;
    }
}

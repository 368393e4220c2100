// switchboard-bench: benchmarks for servers.
#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cost/cost.hpp"
#include "micro/micro.hpp"
#include "system/environment.hpp"

namespace {

// If one of them is closed, the next opened file would take its number, and output for the terminal would
// overwrite that file. The replacement has the wrong access mode, so that its use still fails.
void keep_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        [[maybe_unused]] const int opened =
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

// A successful run fails if its output could not be written to stdout.
int finish(int status) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    if (status == 0) std::perror("switchboard-bench: write to stdout");
    return status == 0 ? 1 : status;
}

int usage_error(std::string what) {
    std::replace(what.begin(), what.end(), '\n', ' ');
    std::fprintf(stderr, "switchboard-bench: %s\n", what.c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    keep_standard_descriptors();
    CLI::App app("Benchmarks servers.", "switchboard-bench");
    app.set_version_flag("--version", "switchboard-bench " + switchboard::bench::describe_build());
    std::function<int()> chosen;
    app.require_subcommand(0, 1);  // with at least 1, the error would not name an unknown word
    using namespace switchboard::bench;
    for (const auto add :
         {add_compare, add_load, add_cost, add_diff, add_report, add_micro, add_self_test})
        add(app, chosen);
    try {
        app.parse(argc, argv);
        if (!chosen)
            throw CLI::ParseError("a subcommand is required: " +
                                      joined(app.get_subcommands(nullptr), ", ",
                                             [](auto* each) { return each->get_name(); }) +
                                      "; see --help",
                                  2);
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

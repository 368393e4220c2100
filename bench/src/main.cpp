// switchboard-bench: what the servers can do, measured.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "compare_options.hpp"
#include "cost.hpp"
#include "diff.hpp"
#include "micro.hpp"
#include "trial.hpp"

namespace {

// Each adds one subcommand; when it is the one asked for, `chosen` becomes what runs it.
void add_subcommands(CLI::App& app, std::function<int()>& chosen) {
    switchboard::bench::add_compare(app, chosen);
    switchboard::bench::add_cost(app, chosen);
    switchboard::bench::add_diff(app, chosen);
    switchboard::bench::add_micro(app, chosen);
    switchboard::bench::add_trial(app, chosen);
}

int usage_error(std::string what) {
    std::replace(what.begin(), what.end(), '\n', ' ');
    std::fprintf(stderr, "switchboard-bench: %s\n", what.c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("What the servers can do, measured.", "switchboard-bench");
    std::function<int()> chosen;
    app.require_subcommand(0, 1);  // "at least 1" would hide which word was none
    add_subcommands(app, chosen);
    try {
        app.parse(argc, argv);
        if (!chosen) throw CLI::RequiredError("A subcommand");
        return chosen();
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        return usage_error(error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchboard-bench: %s\n", error.what());
        return 1;
    }
}

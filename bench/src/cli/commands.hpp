// Each function adds a subcommand to `app`. If the command line selects it, parsing sets `chosen` to a
// function that runs it and returns the exit status. Invalid arguments throw a CLI::ParseError.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace switchboard::bench {

void add_compare(CLI::App& app, std::function<int()>& chosen);
void add_load(CLI::App& app, std::function<int()>& chosen);
void add_cost(CLI::App& app, std::function<int()>& chosen);
void add_diff(CLI::App& app, std::function<int()>& chosen);
void add_report(CLI::App& app, std::function<int()>& chosen);
void add_self_test(CLI::App& app, std::function<int()>& chosen);

}  // namespace switchboard::bench

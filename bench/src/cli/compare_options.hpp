// Options of `switchboard-bench compare`.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/options.hpp"
#include "compare/experiment.hpp"

namespace switchboard::bench {

// A name for a set of options of compare. Options on the command line take precedence.
struct Scenario {
    std::string_view name;
    std::string_view summary;  // what it shows, in one line
    const char* words;         // the options, as on a command line

    std::vector<std::pair<std::string, std::string>> options() const;  // "" for a flag
};

std::span<const Scenario> scenarios();
// Prints all scenarios: "slow-client  what it shows", and the options on the next line.
std::string list_scenarios();

struct CompareOptions {
    Experiment experiment;
    bool all_servers = false;  // no server was named: skip peers that are not installed
    bool lists = false;        // print the scenarios, and do nothing else
    bool quick = false;
    std::vector<std::string> servers;  // --server
    ScriptOptions script;
    OutputOptions outputs;
    std::string csv, hgrm;  // a file and a folder; empty: none
};

// Adds the options of compare to `app`. `then` is called after they have been parsed and checked.
void describe_compare(CLI::App& app, CompareOptions& options, std::function<void()> then);

// Checks names, ranges, the descriptor limit, and options against each other. errc::bad_option if invalid.
Result<void> check(const Experiment& experiment);

}  // namespace switchboard::bench

// Named loads, in which each way to serve shows its nature.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchboard::bench {

// A name for options of compare: what else is given on the command line goes first.
struct Scenario {
    std::string_view name;
    std::string_view summary;                                  // what it shows, in a line
    std::vector<std::pair<std::string, std::string>> options;  // "--size", "64"; a flag has ""
};

const std::vector<Scenario>& scenarios();
const Scenario* find_scenario(std::string_view name);  // null: there is none
// "slow-client  what it shows" and below it the options, of all.
std::string list_scenarios();

}  // namespace switchboard::bench

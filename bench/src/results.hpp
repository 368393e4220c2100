// A whole comparison, and the three ways to tell it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compare_options.hpp"
#include "cpus.hpp"
#include "measurement.hpp"
#include "table.hpp"

namespace switchboard::bench {

// A peer that could not be measured here.
struct LeftOut {
    std::string server, why;
};

struct Results {
    CompareOptions options;
    CpuPlan cpus;
    std::string command_line;
    std::vector<std::pair<std::string, std::string>> environment;  // see describe_environment()
    std::vector<CellRounds> cells;  // by size, then connections, then server, as in the options
    std::vector<LeftOut> left_out;
    bool interrupted = false;

    CellRounds& at(const Cell& cell);  // adds it if it is new
    // The cell of options.baseline under the same load; null if it is not among them.
    const CellRounds* baseline_of(const Cell& cell) const;
    std::size_t wrong_replies() const;  // connections that got wrong bytes, in all rounds
};

// One per load.
std::vector<Table> tables_of(const Results& results);
// How it was measured, in a few lines: what runs where, seed, rounds, what +- means.
std::vector<std::string> preamble_of(const Results& results);

std::string to_text(const Results& results);
std::string to_json(const Results& results);  // documented in bench/README.md
std::string to_html(const Results& results);  // self-contained; plots if gnuplot is installed

}  // namespace switchboard::bench

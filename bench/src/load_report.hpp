// What `switchboard-bench load` has measured, as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator.hpp"
#include "usage.hpp"

namespace switchboard::bench {

struct LoadStep {
    double asked_rate = 0;  // 0: a closed loop
    LoadResult result;
    std::optional<double> server_cpu = {};  // CPU seconds in the window, where it is known whose
    double server_cpus = 1;                 // that it can use at once
};

struct LoadReport {
    LoadPlan plan;  // its rate is that of each step
    std::string command_line;
    std::vector<LoadStep> steps;
    std::size_t not_run = 0;  // rates that Ctrl-C came before
};

// What a reader must know of it: "limited by the generator", "rate not reached", "3 refused". Empty
// when there is nothing.
std::vector<std::string> notes_of(const LoadReport& report, const LoadStep& step);
bool has_wrong_bytes(const LoadStep& step);

std::string to_text(const LoadReport& report);
std::string to_json(const LoadReport& report);

}  // namespace switchboard::bench

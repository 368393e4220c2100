// A run from a file, as far as two of them can be compared.
#pragma once

#include <map>
#include <string>
#include <switchboard/error.hpp>
#include <utility>
#include <vector>

#include "base/statistics.hpp"
#include "compare/measurement.hpp"

namespace switchboard::bench {

// A rate that a file may have for a cell, besides all_metrics(). It is not part of a Measurement.
extern const Metric kKnee;
const std::vector<const Metric*>& file_metrics();  // all_metrics() and kKnee

struct RunCell {
    std::string load;    // "echo, 100 connections, 64 B"
    std::string server;  // cells of two runs are the same if both are equal
    bool valid = true;
    bool failed = false;     // invalid by the server's fault, even on a quiet machine
    bool doubtful = false;   // others or the generator limited it, so there is no verdict
    std::string notes = {};  // why it is invalid
    std::map<std::string, Rounds> metrics = {};  // by name, see file_metrics(); those that it has
    Rounds rounds_of(const Metric& metric) const;
};

// Made by compare or load.
struct Run {
    std::string file;
    std::string made;  // when, and from which commit
    // Names and values of what must be equal, or a difference means nothing: the machine, the kind of build,
    // how it was measured.
    std::vector<std::pair<std::string, std::string>> conditions;
    std::vector<RunCell> cells;
};

// Reads the output of --json. errc::unsupported for JSON of another format or version; other errors for a
// file that cannot be read, is invalid JSON or is incomplete. Each names the file.
Result<Run> read_run(const std::string& path);
// The same for a text; `file` is its name.
Result<Run> parse_run(const std::string& file, const std::string& text);
// The text of such a file, unchecked. Errors: those of the system.
Result<std::string> read_run_text(const std::string& path);

}  // namespace switchboard::bench

// A run that was written to a file, as far as two of them can be compared.
#pragma once

#include <map>
#include <string>
#include <switchboard/error.hpp>
#include <utility>
#include <vector>

#include "measurement.hpp"
#include "statistics.hpp"

namespace switchboard::bench {

// What a file may have of a cell beside all_metrics(). The knee is a rate; the others were counted (--cost):
// one figure, the same in every round there might be. Of no Measurement.
extern const Metric kKnee, kInstructions, kCalls, kAllocations;
const std::vector<const Metric*>& file_metrics();  // all_metrics() and these
bool is_counted(const Metric& metric) noexcept;

struct RunCell {
    std::string load;    // "echo, 100 connections, 64 B": what is asked of the server
    std::string server;  // cells of two runs are the same where both are
    bool valid = true;
    bool failed = false;  // invalid by what the server did, which a quieter machine would not mend
    std::string notes;    // why it is invalid
    std::map<std::string, Rounds> metrics;  // by name, see file_metrics(); those that it has
    Rounds rounds_of(const Metric& metric) const;
};

// Whichever subcommand wrote it.
struct Run {
    std::string file;
    std::string made;  // when, and from which commit
    // Name and value of what must be equal, or a difference says nothing: the machine, the kind of
    // build, how it was measured.
    std::vector<std::pair<std::string, std::string>> conditions;
    std::vector<RunCell> cells;
};

// Reads what `compare --json` wrote. errc::unsupported for JSON of another format or version; other
// errors for a file that can't be read, is no JSON or is not whole. Each names the file.
Result<Run> read_run(const std::string& path);
// The same of a text; `file` is its name.
Result<Run> parse_run(const std::string& file, const std::string& text);

}  // namespace switchboard::bench

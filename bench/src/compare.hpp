// `switchboard-bench compare`: the same load on every server, in turn.
#pragma once

#include "compare_options.hpp"

namespace switchboard::bench {

// Runs it, prints the tables on stdout and progress on stderr, writes the files asked for. Answers
// the exit status: 0; 1 if it could not be done or a reply was wrong; 130 after Ctrl-C, which ends it
// with what has been measured so far.
int compare(const CompareOptions& asked);

}  // namespace switchboard::bench

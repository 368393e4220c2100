// What the subcommands share about this program and the ones beside it.
#pragma once

#include <cstddef>
#include <string>

namespace switchboard::bench {

std::string own_folder();        // where switchboard-bench lies, and the servers beside it
std::string own_command_line();  // as it was called
std::size_t descriptor_limit();  // the hard one of this process
void raise_descriptor_limit();   // to that
// How many connections this process may have: the limit less what else it needs.
std::size_t most_connections();
// Says what went wrong on stderr; the exit status 1.
int complain(const std::string& what);

}  // namespace switchboard::bench

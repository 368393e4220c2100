// What the subcommands share about this program and the ones beside it.
#pragma once

#include <string>

namespace switchboard::bench {

std::string own_folder();        // where switchboard-bench lies, and the servers beside it
std::string own_command_line();  // as it was called
void raise_descriptor_limit();   // to the hard limit

}  // namespace switchboard::bench

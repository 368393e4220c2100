// Ctrl-C, for the subcommands that print what they have by then.
#pragma once

namespace switchboard::bench {

// From now on SIGINT and SIGTERM end the run in good order, and a second one at once (and the servers
// with it).
void catch_interrupts();
bool is_interrupted() noexcept;

}  // namespace switchboard::bench

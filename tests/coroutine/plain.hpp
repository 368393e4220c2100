// Coroutines in a file that is compiled without exceptions and run-time types.
#pragma once

#include <switchboard/reactor_coroutine.hpp>

namespace switchboard::test {

ProtocolFactory plain_lines();
// Sends a line to `server`, and keeps the answer, or the error.
Task<> plain_ask(Reactor& reactor, const Endpoint& server, std::string& answer);

}  // namespace switchboard::test

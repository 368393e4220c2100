// The protocols http and hello of a Registry.
#pragma once

#include <switchboard/registry.hpp>

namespace switchboard::http {

// Adds the protocol http, which serves the files of a directory by Server::files() (option root=DIR,
// required), and hello, whose only page, /, repeats "Hello, world!" and a line feed up to a size (option
// size=BYTES, at most 1 MiB, 14 by default).
void register_http(Registry& registry);

}  // namespace switchboard::http

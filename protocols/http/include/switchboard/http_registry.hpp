// The protocol http of a Registry: a server of files.
#pragma once

#include <switchboard/registry.hpp>

namespace switchboard::http {

// Adds the protocol http, which serves the files of a directory by Server::files() (option root=DIR,
// required).
void register_http(Registry& registry);

}  // namespace switchboard::http

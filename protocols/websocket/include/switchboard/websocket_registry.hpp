// The protocol websocket of a Registry.
#pragma once

#include <switchboard/registry.hpp>

namespace switchboard::websocket {

// Adds the protocol websocket, which sends each message back, at any path. A page of any origin may use it.
void register_websocket(Registry& registry);

}  // namespace switchboard::websocket

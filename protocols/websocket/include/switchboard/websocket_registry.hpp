// The protocols websocket and rooms of a Registry.
#pragma once

#include <switchboard/registry.hpp>

namespace switchboard::websocket {

// Adds two protocols, which a page of any origin may use, at any path. websocket sends each message back.
// rooms passes each message on to all others of the same path; its members must be on one reactor. A member
// that reads too slowly is closed (Options::slow).
void register_websocket(Registry& registry);

}  // namespace switchboard::websocket

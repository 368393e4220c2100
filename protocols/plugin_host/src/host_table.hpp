// The calls of a plugin with a peer.
#pragma once

#include <switchboard/plugin.h>

namespace switchboard::plugin_host {

// All members but log().
sb_host host_table() noexcept;

}  // namespace switchboard::plugin_host

// The calls of a plugin with a datagram socket.
#pragma once

#include <switchboard/plugin.h>

namespace switchboard::plugin_host {

void add_datagram_calls(sb_host& table) noexcept;

}  // namespace switchboard::plugin_host

// The calls of a plugin with a reactor.
#pragma once

#include <switchboard/plugin.h>

namespace switchboard::plugin_host {

void add_reactor_calls(sb_host& table) noexcept;

}  // namespace switchboard::plugin_host

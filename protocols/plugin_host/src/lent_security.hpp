// What an encrypted connection has agreed on, for a plugin.
#pragma once

#include <switchboard/plugin.h>
#include <switchboard/security.hpp>

namespace switchboard::plugin_host {

// Calls use(arg, ...) once, with what is valid until it returns.
void lend_security(const Security& security, void (*use)(void*, const sb_security*), void* arg);

}  // namespace switchboard::plugin_host

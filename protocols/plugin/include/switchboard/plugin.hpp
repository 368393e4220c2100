// Plugins in C++: write a Protocol as anywhere else, and register it in the body of SWITCHBOARD_PLUGIN.
#pragma once

#include <switchboard/plugin.h>
#include <switchboard/registry.hpp>

// Makes a shared object a plugin: defines switchboard_plugin() of plugin.h. Use it in one source of the
// plugin, outside of all namespaces. Name, version and summary are string literals. The body is given
// `registry` and adds the protocols, by hand or with a function such as register_inetd(). It runs once,
// when the host reads the plugin, and must not start anything. If it throws, the host refuses the plugin
// and reports what was thrown.
//
//     SWITCHBOARD_PLUGIN("kv", "1.0", "a key-value store") {
//         registry.add({.name = "kv", .summary = "a key-value store", .make = make_kv});
//     }
//
// Link switchboard::plugin, or use switchboard_add_plugin() of CMake. Host and plugin share nothing but the C
// interface, so their compilers, flags and versions of this library may differ. What is different from a
// protocol that is linked into the program:
//
// - A plugin has stream protocols only. Datagrams of a Registration are left out, and a protocol that needs
//   the reactor makes the host refuse the plugin.
// - ProtocolContext has no reactor and the default limits. Connection::memory() is the default resource of
//   the plugin, and Connection::security() is empty.
// - errc and the errors of the system keep their meaning on both sides. Errors of other categories keep
//   their text.
#define SWITCHBOARD_PLUGIN(name, version, summary)                                 \
    static void switchboard_register_protocols(::switchboard::Registry& registry); \
    extern "C" const sb_plugin* switchboard_plugin(uint32_t) {                     \
        return ::switchboard::plugin::describe({name, version, summary},           \
                                               switchboard_register_protocols);    \
    }                                                                              \
    static void switchboard_register_protocols([[maybe_unused]] ::switchboard::Registry& registry)

namespace switchboard::plugin {

// What SWITCHBOARD_PLUGIN was given.
struct About {
    const char* name;
    const char* version;
    const char* summary;
};

// For SWITCHBOARD_PLUGIN. Returns the table of the plugin, which it makes in its first call and which is
// never destroyed.
const sb_plugin* describe(const About& about, void (*add)(Registry&)) noexcept;

}  // namespace switchboard::plugin

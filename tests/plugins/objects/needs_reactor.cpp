// A plugin with a protocol that wants a Reactor, as relay does.
#include <switchboard/plugin.hpp>

SWITCHBOARD_PLUGIN("needs-reactor", "1.0", "cannot be a plugin") {
    registry.add({.name = "wants",
                  .summary = "wants a Reactor",
                  .needs_reactor = true,
                  .make = [](const auto&, const auto&) { return switchboard::ProtocolFactory(); }});
}

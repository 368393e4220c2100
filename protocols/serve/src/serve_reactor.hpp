// `switchboard serve` under the reactor, or several of them.
#pragma once

#include <switchboard/log.hpp>
#include <switchboard/registry.hpp>

#include "loaded_plugins.hpp"
#include "plan.hpp"

namespace switchboard::program {

inline constexpr const char* kCutShort = "stopped before every connection had finished";

// Prints the line with the local endpoint on stdout.
void announce(const Plan& plan, const Endpoint& local);

// SIGHUP replaces `plugins`.
Outcome serve_reactor(const Plan& plan, const Registry& registry, const LogSink& sink,
                      LoadedPlugins& plugins);

}  // namespace switchboard::program

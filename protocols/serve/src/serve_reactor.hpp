// `switchboard serve` under the reactor, or several of them.
#pragma once

#include <switchboard/log.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/takeover.hpp>
#include <switchboard/workers.hpp>
#include <vector>

#include "loaded_plugins.hpp"
#include "plan.hpp"

namespace switchboard::program {

inline constexpr const char* kCutShort = "stopped before every connection had finished";

// Prints the line with the local endpoint on stdout.
void announce(const Plan& plan, const Endpoint& local);

// What a worker process serves, of what its supervisor owns.
struct WorkerPart {
    Worker& worker;
    std::vector<Socket> sockets = {};       // it accepts from these
    Socket path_socket = {};                // if given, it offers the takeover
    std::vector<NamedSocket> offered = {};  // in the takeover: the listeners of all workers
};

// SIGHUP replaces `plugins`. With `part`, in a worker process: SIGTERM drains and SIGINT ends all.
Outcome serve_reactor(const Plan& plan, const Registry& registry, const LogSink& sink,
                      LoadedPlugins& plugins, WorkerPart* part = nullptr);

}  // namespace switchboard::program

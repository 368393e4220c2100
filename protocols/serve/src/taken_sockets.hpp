// The listening sockets of the server before, with --takeover.
#pragma once

#include <optional>
#include <switchboard/takeover.hpp>
#include <vector>

#include "plan.hpp"

namespace switchboard::program {

// The name of a socket in a takeover.
std::string name_of_listener(const Plan& plan);
std::string name_of_metrics(const Plan& plan);

struct TakenSockets {
    std::optional<Takeover> takeover;  // empty if there is no other server
    std::vector<Socket> listeners;     // empty: open them
    Socket metrics;                    // may be empty
};
// Takes over from the server at --takeover, if there is one. The old process must listen on the same
// endpoint. Its metrics may be at another endpoint.
Result<TakenSockets> take_sockets(const Plan& plan);

}  // namespace switchboard::program

// What `switchboard serve` puts between the sockets and the protocol.
#pragma once

#include <switchboard/registry.hpp>
#include <switchboard/throttle.hpp>

namespace switchboard::program {

struct Plan;

// From the socket up: the PROXY protocol, which says who the client is; the throttle; the protocol. All
// that it makes shares the rates for all connections. `registry` and `plan` must outlive it.
class Layers {
public:
    Layers(const Registry& registry, const Plan& plan);
    // As Registry::make, for what the plan says.
    Result<ProtocolFactory> make(const ProtocolContext& context) const;

private:
    const Registry& registry_;
    const Plan& plan_;
    const Result<Throttle> throttle_;
};

}  // namespace switchboard::program

// The layers that `switchboard serve` puts between the sockets and the protocol.
#pragma once

#include <switchboard/registry.hpp>
#include <switchboard/throttle.hpp>

namespace switchboard::program {

struct Plan;

// From the socket up: the PROXY protocol, which names the client; the throttle, which counts encrypted bytes;
// TLS; the protocol. All factories that it makes share the rates for all connections, and the keys of TLS
// tickets. `registry` and `plan` must outlive it.
class Layers {
public:
    Layers(const Registry& registry, const Plan& plan);
    // Like Registry::make(), with the protocol, options and layers of the plan.
    Result<ProtocolFactory> make(const ProtocolContext& context) const;

private:
    const Registry& registry_;
    const Plan& plan_;
    const Result<Throttle> throttle_;
};

}  // namespace switchboard::program

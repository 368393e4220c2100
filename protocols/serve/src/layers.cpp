#include "layers.hpp"

#include "plan.hpp"

namespace switchboard::program {

Layers::Layers(const Registry& registry, const Plan& plan)
    : registry_(registry), plan_(plan), throttle_(shared_throttle(plan.throttle)) {}

Result<ProtocolFactory> Layers::make(const ProtocolContext& context) const {
    if (!throttle_) return tl::unexpected(throttle_.error());
    auto factory = registry_.make(plan_.protocol, plan_.options, context);
    if (plan_.tls)
        factory = std::move(factory).map(
            [&](ProtocolFactory above) { return plan_.tls->wrap(std::move(above)); });
    factory = std::move(factory).map(*throttle_);
    if (!factory || !plan_.proxies) return factory;
    return receive_proxy_header(std::move(*factory),
                                {.trust = *plan_.proxies, .limits = plan_.limits.connection});
}

}  // namespace switchboard::program

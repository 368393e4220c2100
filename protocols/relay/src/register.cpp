#include <switchboard/reactor.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/relay.hpp>

namespace switchboard {
namespace {

FindConnection find_in(Reactor& reactor) {
    return [&reactor](ConnectionId id) { return reactor.find(id); };
}

Result<ProtocolFactory> relay_of(const Options& options, const ProtocolContext& context) {
    const Endpoint target = options.endpoint("target");
    if (target.kind() != Endpoint::Kind::tcp && target.kind() != Endpoint::Kind::unix_path)
        return fail(errc::bad_option, "option target=" + options.text("target") +
                                          ": a relay connects only to tcp:// and unix:");
    return make_relay(*context.reactor, target, context.limits.connection);
}

Result<ProtocolFactory> hub_of(const Options&, const ProtocolContext& context) {
    return make_hub(find_in(*context.reactor));
}

}  // namespace

ProtocolFactory make_relay(Reactor& reactor, Endpoint target, ConnectionLimits limits) {
    auto open = [&reactor, target = std::move(target), limits](std::unique_ptr<Protocol> protocol) {
        return reactor.connect(target, std::move(protocol), {.limits = limits});
    };
    return make_relay(std::move(open), find_in(reactor));
}

void register_relay(Registry& registry) {
    registry.add({.name = "relay",
                  .summary = "passes each connection on to a target, bytes unchanged",
                  .options = {{.name = "target",
                               .help = "the server to pass the connections on to",
                               .type = OptionSpec::Type::endpoint}},
                  .needs_reactor = true,
                  .make = relay_of});
    registry.add({.name = "hub",
                  .summary = "passes each line of one client on to all others",
                  .needs_reactor = true,
                  .one_reactor = true,
                  .make = hub_of});
}

}  // namespace switchboard

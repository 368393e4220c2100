#include <switchboard/reactor.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/relay.hpp>

namespace switchboard {
namespace {

FindConnection find_in(Reactor& reactor) {
    return [&reactor](ConnectionId id) { return reactor.find(id); };
}

Result<ProtocolFactory> relay_of(const Options& options, const ProtocolContext& context) {
    if (auto known = options.only({"target"}); !known) return tl::unexpected(known.error());
    const std::string* const target = options.find("target");
    if (!target) return fail(errc::bad_option, "option target=ENDPOINT is missing");
    const auto parsed = Endpoint::parse(*target);
    if (parsed && parsed->kind() != Endpoint::Kind::tcp &&
        parsed->kind() != Endpoint::Kind::unix_path)
        return fail(errc::bad_option,
                    "option target=" + *target + ": a relay connects only to tcp:// and unix:");
    return parsed.map([&](const Endpoint& endpoint) {
        return make_relay(*context.reactor, endpoint, context.limits.connection);
    });
}

Result<ProtocolFactory> hub_of(const Options& options, const ProtocolContext& context) {
    return options.only({}).map([&] { return make_hub(find_in(*context.reactor)); });
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
                  .options = "target=ENDPOINT",
                  .needs_reactor = true,
                  .make = relay_of});
    registry.add({.name = "hub",
                  .summary = "passes each line of one client on to all others",
                  .options = {},
                  .needs_reactor = true,
                  .one_reactor = true,
                  .make = hub_of});
}

}  // namespace switchboard

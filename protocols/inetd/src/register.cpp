#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/registry.hpp>

namespace switchboard {
namespace {

void add(Registry& registry, std::string name, std::string summary, ProtocolFactory factory) {
    const auto make = [factory = std::move(factory)](
                          const Options& options,
                          const ProtocolContext&) -> Result<ProtocolFactory> {
        if (auto known = options.only({}); !known) return tl::unexpected(known.error());
        return factory;
    };
    registry.add(
        {.name = std::move(name), .summary = std::move(summary), .options = {}, .make = make});
}

}  // namespace

void register_inetd(Registry& registry, WallClock wall_clock) {
    const auto quote_of_today = [wall_clock] { return quote_of(wall_clock()); };
    add(registry, "echo", "sends back what it gets (RFC 862)", factory_of<Echo>());
    add(registry, "discard", "throws away what it gets (RFC 863)", factory_of<Discard>());
    add(registry, "chargen", "sends lines of characters without end (RFC 864)",
        factory_of<Chargen>());
    add(registry, "daytime", "sends the date and time as text, in UTC (RFC 867)",
        factory_of<Daytime>(wall_clock));
    add(registry, "time", "sends the seconds since 1900, 32 bits, big-endian (RFC 868)",
        factory_of<Time>(std::move(wall_clock)));
    add(registry, "qotd", "sends the quote of the day (RFC 865)", factory_of<Qotd>(quote_of_today));
}

}  // namespace switchboard

#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/inetd_datagram.hpp>
#include <switchboard/registry.hpp>

namespace switchboard {
namespace {

using MakeDatagrams = std::function<std::unique_ptr<DatagramProtocol>()>;

template <class P, class... Args>
MakeDatagrams datagrams(Args... args) {
    return [=]() -> std::unique_ptr<DatagramProtocol> { return std::make_unique<P>(args...); };
}

MakeDatagrams chargen_datagrams() {
    return [] { return std::make_unique<ChargenDatagrams>(std::random_device()()); };
}

void add(Registry& registry, std::string name, std::string summary, ProtocolFactory factory,
         MakeDatagrams make_one) {
    const auto make_datagram = [make_one = std::move(make_one)](const Options&,
                                                                const ProtocolContext&) {
        return Result<std::unique_ptr<DatagramProtocol>>(make_one());
    };
    const auto make = [factory = std::move(factory)](const Options&, const ProtocolContext&) {
        return Result<ProtocolFactory>(factory);
    };
    registry.add({.name = std::move(name),
                  .summary = std::move(summary),
                  .make = make,
                  .make_datagram = make_datagram});
}

}  // namespace

void register_inetd(Registry& registry, const WallClock& wall_clock) {
    const auto quote_of_today = [wall_clock] { return quote_of(wall_clock()); };
    add(registry, "echo", "sends its input back (RFC 862)", factory_of<Echo>(),
        datagrams<EchoDatagrams>());
    add(registry, "discard", "discards its input (RFC 863)", factory_of<Discard>(),
        datagrams<DiscardDatagrams>());
    add(registry, "chargen", "sends lines of characters without end (RFC 864)",
        factory_of<Chargen>(), chargen_datagrams());
    add(registry, "daytime", "sends the date and time as text, in UTC (RFC 867)",
        factory_of<Daytime>(wall_clock), datagrams<DaytimeDatagrams>(wall_clock));
    add(registry, "time", "sends the seconds since 1900, 32 bits, big-endian (RFC 868)",
        factory_of<Time>(wall_clock), datagrams<TimeDatagrams>(wall_clock));
    add(registry, "qotd", "sends the quote of the day (RFC 865)", factory_of<Qotd>(quote_of_today),
        datagrams<QotdDatagrams>(quote_of_today));
}

}  // namespace switchboard

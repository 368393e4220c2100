#include <switchboard/callbacks.hpp>
#include <switchboard/coroutine.hpp>
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

// Does what Echo does. It shows what a coroutine costs.
Task<> echo(Stream& peer) {
    while (const auto in = co_await peer.read_some()) peer.write(*in);
}

using Make = std::function<Result<ProtocolFactory>(const Options&, const ProtocolContext&)>;

Make without_options(ProtocolFactory factory) {
    return [factory = std::move(factory)](const Options&, const ProtocolContext&) {
        return Result<ProtocolFactory>(factory);
    };
}

void add(Registry& registry, std::string name, std::string summary, ProtocolFactory factory,
         MakeDatagrams make_one) {
    const auto make_datagram = [make_one = std::move(make_one)](const Options&,
                                                                const ProtocolContext&) {
        return Result<std::unique_ptr<DatagramProtocol>>(make_one());
    };
    registry.add({.name = std::move(name),
                  .summary = std::move(summary),
                  .make = without_options(std::move(factory)),
                  .make_datagram = make_datagram});
}

}  // namespace

void register_inetd(Registry& registry, const WallClock& wall_clock) {
    const auto quote_of_today = [wall_clock] { return quote_of(wall_clock()); };
    add(registry, "echo", "sends its input back (RFC 862)", factory_of<Echo>(),
        datagrams<EchoDatagrams>());
    registry.add({.name = "coroutine-echo",
                  .summary = "sends its input back, as a coroutine (RFC 862)",
                  .options = {},
                  .make = without_options(coroutine(echo))});
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

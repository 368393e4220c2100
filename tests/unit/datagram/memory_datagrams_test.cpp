// The in-memory network: what handlers see on a virtual clock, and simulated faults.
#include <doctest/doctest.h>
#include <algorithm>
#include <switchboard/testing/memory_datagrams.hpp>

#include "datagram_handlers.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::Handler;
using testing::DatagramFaults;
using testing::MemoryNetwork;

namespace {

const Endpoint kServer = Endpoint::udp("10.0.0.1", 7);
const Endpoint kClient = Endpoint::udp("10.0.0.2", 1000);

using Texts = std::vector<std::string>;

// Returns the order in which 200 numbered datagrams reach a handler, with these simulated faults.
Texts arrivals(const DatagramFaults& weather) {
    MemoryNetwork network(weather);
    Texts seen;
    network.open(std::make_unique<Handler>(Handler::Does{
                     .on_datagram = [&](DatagramSocket&,
                                        Datagram& in) { seen.emplace_back(as_text(in.data)); }}),
                 kServer);
    auto& host = network.host(kClient);
    for (int i = 0; i < 200; ++i) host.send(kServer, std::to_string(1000 + i));
    network.run();
    return seen;
}

}  // namespace

TEST_CASE("memory datagrams: without faults all arrive once and in order") {
    const Texts seen = arrivals({});
    REQUIRE(seen.size() == 200);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("memory datagrams: faults lose, repeat and reorder, and the seed replays them") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const Texts lossy = arrivals({.seed = seed, .loss = 0.2});
        CHECK(lossy.size() < 190);
        CHECK(lossy.size() > 100);
        CHECK(std::is_sorted(lossy.begin(), lossy.end()));
        Texts repeated = arrivals({.seed = seed, .duplicate = 0.2});
        CHECK(repeated.size() > 210);
        CHECK(repeated.size() < 256);
        repeated.erase(std::unique(repeated.begin(), repeated.end()), repeated.end());
        CHECK(repeated.size() == 200);
        Texts mixed = arrivals({.seed = seed, .reorder = true});
        CHECK_FALSE(std::is_sorted(mixed.begin(), mixed.end()));
        CHECK(mixed == arrivals({.seed = seed, .reorder = true}));
        CHECK(mixed != arrivals({.seed = seed + 1, .reorder = true}));
        std::sort(mixed.begin(), mixed.end());
        CHECK(mixed == arrivals({}));
    }
}

TEST_CASE("memory datagrams: the error for an endless run contains its seed") {
    MemoryNetwork network(DatagramFaults{.seed = 4711});
    const auto answer = [](DatagramSocket& s, Datagram& in) { s.send(in.from, in.data); };
    network.open(std::make_unique<Handler>(Handler::Does{.on_datagram = answer}), kServer);
    network.open(std::make_unique<Handler>(Handler::Does{.on_datagram = answer}), kClient);
    network.host(Endpoint::udp("10.0.0.3", 1));
    auto& liar = network.host(Endpoint::udp("10.0.0.3", 2));
    liar.send(kServer, "x");
    network.run();
    CHECK(liar.received().size() == 1);
    auto& first = network.open(
        std::make_unique<Handler>(Handler::Does{
            .on_open = [](DatagramSocket& s) { s.send("ball"); }, .on_datagram = answer}),
        Endpoint::udp("10.0.0.4", 1), {}, kServer);
    CHECK_THROWS_WITH(network.run(1000), "still busy after 1000 turns (seed 4711)");
    CHECK_FALSE(first.closed());
}

TEST_CASE("memory datagrams: time is virtual, and a deadline comes when it is due") {
    MemoryNetwork network;
    std::vector<Clock::duration> after;
    const auto start = network.now();
    auto& socket =
        network.open(std::make_unique<Handler>(Handler::Does{
                         .on_open = [](DatagramSocket& s) { s.set_deadline(s.now() + 2s); },
                         .on_deadline =
                             [&](DatagramSocket& s) {
                                 after.push_back(s.now() - start);
                                 if (after.size() < 3) s.set_deadline(s.now() + 3s);
                             }}),
                     kServer);
    network.advance(1999ms);
    CHECK(after.empty());
    network.advance(1h);
    CHECK(after == std::vector<Clock::duration>{2s, 5s, 8s});
    CHECK_FALSE(socket.closed());
}

TEST_CASE("memory datagrams: a stalled socket drops its queue, and reports that") {
    MemoryNetwork network;
    std::vector<DatagramError> errors;
    DatagramLimits limits;
    limits.write_stall_timeout = 5s;
    auto& socket = network.open(
        std::make_unique<Handler>(Handler::Does{
            .on_error = [&](DatagramSocket&, const DatagramError& e) { errors.push_back(e); }}),
        kServer, limits);
    network.run();
    socket.block(true);
    const DatagramAddress client = DatagramAddress::of(kClient).value();
    CHECK(socket.socket()->send(client, "one"));
    CHECK(socket.socket()->send(client, "two"));
    network.advance(4999ms);
    CHECK(errors.empty());
    CHECK(socket.queued() == 2 * 64 + 6);
    network.advance(1ms);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].code == errc::write_stalled);
    CHECK(errors[0].code == std::errc::timed_out);
    CHECK(errors[0].peer == client);
    CHECK(errors[0].count == 2);
    CHECK(errors[0].size == 3);
    CHECK(socket.queued() == 0);
    CHECK_FALSE(socket.closed());
}

TEST_CASE("memory datagrams: close flushes for close_timeout, abort does not") {
    DatagramLimits limits;
    limits.close_timeout = 3s;
    MemoryNetwork network;
    auto& host = network.host(kClient);
    std::vector<std::error_code> reasons;
    const auto note = [&](std::error_code why) { reasons.push_back(why); };
    const auto open = [&](int last) -> testing::MemorySocket& {
        auto& made =
            network.open(std::make_unique<Handler>(Handler::Does{.on_close = note}),
                         Endpoint::udp("10.0.0.9", static_cast<std::uint16_t>(last)), limits);
        network.run();
        made.block(true);
        made.socket()->send(DatagramAddress::of(kClient).value(), "last words");
        return made;
    };
    auto& flushed = open(1);
    flushed.socket()->close();
    CHECK_FALSE(flushed.socket()->send(DatagramAddress::of(kClient).value(), "too late"));
    network.run();
    CHECK_FALSE(flushed.closed());
    flushed.block(false);
    network.run();
    CHECK(flushed.closed());
    CHECK(host.take_received() == Texts{"last words"});
    auto& late = open(2);
    late.socket()->close();
    network.advance(3s);
    CHECK(late.closed());
    auto& dropped = open(3);
    dropped.socket()->abort(std::make_error_code(std::errc::owner_dead));
    dropped.block(false);
    network.run();
    CHECK(dropped.closed());
    CHECK(host.take_received().empty());
    CHECK(reasons == std::vector<std::error_code>{
                         {}, errc::close_timed_out, std::make_error_code(std::errc::owner_dead)});
}

TEST_CASE(
    "memory datagrams: sockets that are open when the driver is destroyed end with stopping") {
    std::error_code reason;
    {
        MemoryNetwork network;
        network.open(std::make_unique<Handler>(
                         Handler::Does{.on_close = [&](std::error_code why) { reason = why; }}),
                     kServer);
        network.run();
    }
    CHECK(reason == errc::stopping);
}

TEST_CASE("memory datagrams: more than 64 kinds of errors in a turn are reported as left out") {
    MemoryNetwork network;
    std::vector<DatagramError> told;
    auto& socket = network.open(
        std::make_unique<Handler>(Handler::Does{
            .on_error = [&](DatagramSocket&, const DatagramError& e) { told.push_back(e); }}),
        kServer);
    network.run();
    socket.fail_sends(std::make_error_code(std::errc::network_unreachable));
    for (std::uint16_t port = 1; port <= 100; ++port)
        socket.socket()->send(DatagramAddress::of(kClient.with_port(port)).value(), "x");
    network.run();
    REQUIRE(told.size() == 65);
    CHECK(told[63].code == std::errc::network_unreachable);
    CHECK(told[63].peer.port() == 64);
    CHECK(told[63].count == 1);
    CHECK(told[64].code == errc::errors_left_out);
    CHECK_FALSE(told[64].peer);
    CHECK(told[64].count == 36);
}

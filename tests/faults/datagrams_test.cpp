// Failures of datagrams on real sockets, with the reactor and the blocking driver.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <stdexcept>
#include <switchboard/blocking.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/resolver.hpp>
#include <thread>

#include "datagram_ends.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::bound;
using test::complaint;
using test::datagram_echo;
using test::DatagramClient;
using test::endpoint;
using test::handler;
using test::kLoopback;
using test::nobody;
using test::run_until;

TEST_CASE("datagrams: a stream call with a udp endpoint, and the reverse, name the call") {
    Reactor reactor;
    const Endpoint udp = Endpoint::udp("127.0.0.1", 80), tcp = Endpoint::tcp("127.0.0.1", 80);
    const std::string not_stream =
        " udp://127.0.0.1:80: a udp endpoint is for datagrams and not for streams: "
        "protocol wrong type for socket";
    CHECK(complaint(listen(udp)) == "listen" + not_stream);
    CHECK(complaint(connect(udp)) == "connect" + not_stream);
    CHECK(complaint(reactor.listen(udp, test::echo_factory())) == "listen" + not_stream);
    CHECK(complaint(reactor.connect(udp, test::echo_factory()())) == "connect" + not_stream);
    const std::string not_udp =
        " tcp://127.0.0.1:80: datagrams need a udp endpoint: protocol wrong type for socket";
    CHECK(complaint(bind_datagram(tcp)) == "bind" + not_udp);
    CHECK(complaint(connect_datagram(tcp)) == "connect" + not_udp);
    CHECK(complaint(bind_datagram(reactor, tcp, handler({}))) == "bind" + not_udp);
    CHECK(complaint(connect_datagram(reactor, tcp, handler({}))) == "connect" + not_udp);
    CHECK(complaint(connect_datagram(reactor, endpoint("udp://localhost:1"), handler({}))) ==
          "connect udp://localhost:1: a name must be resolved first: not supported here");
    const Socket stream = listen(endpoint("127.0.0.1:0")).value();
    const Stop stop = Stop::create().value();
    CHECK(complaint(serve_datagrams(stream, handler({}), stop)).find("not a datagram socket") !=
          std::string::npos);
    CHECK(
        complaint(bind_datagram(Endpoint::descriptor(stream.fd()))).find("not a datagram socket") !=
        std::string::npos);
    CHECK_FALSE(run_ready(reactor));
}

TEST_CASE("datagrams: a name is resolved, then connected to, and nothing blocks") {
    Reactor reactor;
    const auto echoes = bound(reactor, datagram_echo());
    std::string reply;
    resolve(reactor, "localhost", std::to_string(echoes.local.port()), [&](auto addresses) {
        REQUIRE(addresses);
        for (const SocketAddress& each : *addresses) {
            if (each.family() != AF_INET) continue;
            CHECK(connect_datagram(
                reactor, DatagramAddress(each).endpoint(),
                handler({.on_open = [](DatagramSocket& s) { s.send("by name"); },
                         .on_datagram = [&](DatagramSocket&,
                                            Datagram& in) { reply = as_text(in.data); }})));
        }
    });
    run_until(reactor, [&] { return !reply.empty(); });
    CHECK(reply == "by name");
}

TEST_CASE("datagrams: a port in use and inconsistent limits are errors at once") {
    Reactor reactor;
    const Socket taken = bind_datagram(kLoopback).value();
    const Endpoint at = taken.local().value();
    CHECK(complaint(bind_datagram(reactor, at, handler({}))) ==
          "bind " + at.to_string() + ": address already in use");
    BindOptions options;
    options.limits.low_water = options.limits.high_water;
    CHECK(complaint(bind_datagram(reactor, kLoopback, handler({}), options)).find("low_water") !=
          std::string::npos);
    options.limits = {};
    options.limits.max_datagram = 0;
    CHECK(complaint(bind_datagram(reactor, kLoopback, handler({}), options)).find("max_datagram") !=
          std::string::npos);
    CHECK(collect_stats(reactor).datagram_sockets == 0);
}

TEST_CASE("datagrams: a connected socket reports an ICMP refusal, and stays open") {
    Reactor reactor;
    std::size_t refused = 0;
    std::vector<std::string> received;
    const Endpoint at = nobody();
    const auto made = connect_datagram(
        reactor, at,
        handler({.on_open = [](DatagramSocket& s) { s.send("anyone?"); },
                 .on_datagram = [&](DatagramSocket&,
                                    Datagram& in) { received.emplace_back(as_text(in.data)); },
                 .on_error =
                     [&](DatagramSocket&, const DatagramError& e) {
                         CHECK(e.code == std::errc::connection_refused);
                         CHECK(e.peer.endpoint() == at);
                         ++refused;
                     }}));
    REQUIRE(made);
    run_until(reactor, [&] { return refused > 0; });
    // Now a peer binds the address: the same socket reaches it.
    const Socket late = bind_datagram(at, {.blocking = Blocking::no}).value();
    DatagramSocket* const socket = find_datagram(reactor, made->id);
    REQUIRE(socket != nullptr);
    CHECK(socket->peer() == at);
    CHECK(socket->send("hello"));
    std::array<std::byte, 64> buffer{};
    run_until(reactor, [&] {
        const auto got = late.receive(buffer);
        return got && as_text(Bytes(buffer).first(*got)) == "hello";
    });
    const SocketAddress back = *made->local.addresses()->begin();
    REQUIRE(::sendto(late.fd(), "welcome", 7, 0, back.data(), back.size()) == 7);
    run_until(reactor, [&] { return !received.empty(); });
    CHECK(received == std::vector<std::string>{"welcome"});
}

TEST_CASE("datagrams: many refused datagrams do not spin or close the socket") {
    Reactor reactor;
    std::size_t refused = 0;
    const auto made = connect_datagram(
        reactor, nobody(),
        handler(
            {.on_open =
                 [](DatagramSocket& s) {
                     for (int i = 0; i < 200; ++i) s.send("x");
                 },
             .on_error = [&](DatagramSocket&, const DatagramError& e) { refused += e.count; }}));
    REQUIRE(made);
    run_until(reactor, [&] { return refused > 0 && collect_stats(reactor).datagrams_out == 200; });
    CHECK(find_datagram(reactor, made->id) != nullptr);
}

TEST_CASE("datagrams: an error of one destination does not affect the others") {
    Reactor reactor;
    std::vector<DatagramError> errors;
    const Socket good = bind_datagram(kLoopback, {.blocking = Blocking::no}).value();
    const DatagramAddress to = DatagramAddress::of(good.local().value()).value();
    const DatagramAddress broadcast =
        DatagramAddress::of(endpoint("udp://255.255.255.255:9")).value();
    const DatagramAddress port_zero = DatagramAddress::of(endpoint("udp://127.0.0.1:0")).value();
    bound(reactor,
          {.on_open =
               [&](DatagramSocket& s) {
                   s.send(to, "1");
                   s.send(broadcast, "not allowed before set(broadcast)");
                   s.send(to, "2");
                   s.send(to, std::string(65'508, 'x'));  // one byte too many for UDP over IPv4
                   s.send(port_zero, "x");
                   s.send("not connected");
                   s.send(to, "3");
               },
           .on_error = [&](DatagramSocket&, const DatagramError& e) { errors.push_back(e); }});
    std::string received;
    std::array<std::byte, 64> buffer{};
    run_until(reactor, [&] {
        if (const auto got = good.receive(buffer)) received += as_text(Bytes(buffer).first(*got));
        return received.size() == 3 && errors.size() == 4;
    });
    CHECK(received == "123");
    CHECK(errors[0].code == std::errc::permission_denied);
    CHECK(errors[0].peer == broadcast);
    CHECK(errors[1].code == std::errc::message_size);
    CHECK(errors[1].size == 65'508);
    CHECK(errors[1].peer == to);
    CHECK(errors[2].code == std::errc::invalid_argument);
    CHECK(errors[2].peer == port_zero);
    CHECK(errors[3].code == std::errc::destination_address_required);
}

// A UDP socket over loopback is never full, because the call that sends a datagram also delivers it. A pair
// of unix datagram sockets is full when nobody reads (man 7 unix). The reactor accepts such a socket like
// any other descriptor.
struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        near = Endpoint::descriptor(ends[0]);
        far = Socket(ends[1]);
    }
    std::string read() const {
        std::array<std::byte, 4096> buffer{};
        const ssize_t got = ::recv(far.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return got < 0 ? std::string()
                       : std::string(as_text(Bytes(buffer).first(static_cast<std::size_t>(got))));
    }
    Endpoint near;  // owned by whatever it is passed to
    Socket far;
};

BindOptions small_marks() {
    BindOptions options;
    options.limits.high_water = 8 * 1024;
    options.limits.low_water = 1024;
    options.limits.max_write_buffer = 16 * 1024;
    return options;
}

TEST_CASE("datagrams: a full socket is awaited, with marks and on_writable, and nothing is lost") {
    Reactor reactor;
    const Pipe pipe;
    int drains = 0, told = 0;
    std::size_t sent = 0, errors = 0, received = 0;
    const auto pour = [&](DatagramSocket& s) {
        while (sent < 2000) {
            if (s.send(std::to_string(sent++))) continue;
            ++told;
            return;
        }
    };
    bound(reactor,
          {.on_open = pour,
           .on_writable =
               [&](DatagramSocket& s) {
                   ++drains;
                   pour(s);
               },
           .on_error = [&](DatagramSocket&, const DatagramError& e) { errors += e.count; }},
          small_marks(), pipe.near);
    run_until(reactor, [&] { return told == 1; });
    run_until(reactor, [&] {
        const std::string got = pipe.read();
        if (got.empty()) return false;
        REQUIRE(got == std::to_string(received++));
        return received == 2000;
    });
    CHECK(told >= 2);
    CHECK(drains == told);
    CHECK(errors == 0);
}

TEST_CASE(
    "datagrams: a full queue drops and reports, a stalled one is dropped, a close is bounded") {
    Reactor reactor;
    const Pipe pipe;
    std::vector<DatagramError> errors;
    std::error_code reason;
    BindOptions options = small_marks();
    options.limits.write_stall_timeout = 30ms;
    options.limits.close_timeout = 30ms;
    const auto made =
        bound(reactor,
              {.on_open =
                   [&](DatagramSocket& s) {
                       for (int i = 0; i < 300; ++i) s.send(std::string(1000, 'x'));
                   },
               .on_error = [&](DatagramSocket&, const DatagramError& e) { errors.push_back(e); },
               .on_close = [&](std::error_code why) { reason = why; }},
              options, pipe.near);
    run_until(reactor, [&] { return errors.size() == 2; });
    CHECK(errors[0].code == errc::write_queue_full);
    CHECK(errors[1].code == errc::write_stalled);
    CHECK(errors[0].count + errors[1].count < 300);
    CHECK(errors[1].count >= 10);
    CHECK(errors[1].count <= 16);
    DatagramSocket* const socket = find_datagram(reactor, made.id);
    REQUIRE(socket != nullptr);
    socket->send("stuck");
    socket->close();
    run_until(reactor, [&] { return bool(reason); });
    CHECK(reason == errc::close_timed_out);
}

TEST_CASE("datagrams: the blocking driver waits for room, and drops stalled datagrams") {
    Pipe pipe;
    const Socket near = bind_datagram(pipe.near).value();
    const Stop stop = Stop::create().value();
    const auto pour = [](DatagramSocket& s) {
        s.set_deadline(s.now());  // must not drop queued datagrams
        for (int i = 0; i < 2000; ++i)
            if (!s.send(std::to_string(i))) throw std::runtime_error("said false");
        s.close();
    };
    std::thread server([&] {
        CHECK(serve_datagrams(
                  near, handler({.on_open = pour, .on_deadline = [](DatagramSocket&) {}}), stop)
                  .has_value());
    });
    for (int i = 0; i < 2000; ++i) REQUIRE(test::receive_text(pipe.far) == std::to_string(i));
    server.join();
    DatagramServeOptions options;
    options.limits = small_marks().limits;
    options.limits.write_stall_timeout = 30ms;
    std::size_t stalled = 0;
    const auto fill = [](DatagramSocket& s) {
        for (int i = 0; i < 1000; ++i) s.send("x");
    };
    const auto ended = serve_datagrams(near,
                                       handler({.on_open = fill,
                                                .on_error =
                                                    [&](DatagramSocket& s, const DatagramError& e) {
                                                        CHECK(e.code == errc::write_stalled);
                                                        stalled += e.count;
                                                        s.close();
                                                    }}),
                                       stop, options);
    CHECK(ended.has_value());
    CHECK(stalled > 100);
}

TEST_CASE("datagrams: a handler that throws loses only its own socket, and is logged") {
    std::string logged;
    Reactor reactor({.log = [&](LogLevel, std::string_view text) { logged += text; }});
    const auto good = bound(reactor, datagram_echo());
    std::error_code reason;
    const auto wrong =
        bound(reactor,
              {.on_datagram = [](DatagramSocket&, Datagram&) { throw std::runtime_error("oops"); },
               .on_close = [&](std::error_code why) { reason = why; }});
    DatagramClient(wrong.local).send("x");
    run_until(reactor, [&] { return reason == errc::handler_failed; });
    CHECK(logged == "datagrams at " + wrong.local.to_string() + ": on_datagrams threw: oops");
    CHECK(find_datagram(reactor, wrong.id) == nullptr);
    const DatagramClient client(good.local);
    client.send("still here");
    CHECK(client.receive(reactor) == "still here");
    CHECK(collect_stats(reactor).handler_failures == 1);
    CHECK(collect_stats(reactor).datagram_sockets == 1);
}

TEST_CASE("datagrams: a flooded socket does not keep timers and others waiting") {
    Reactor reactor;
    std::size_t batches = 0, most = 0;
    const auto flooded = bound(reactor,
                               {.on_datagrams =
                                    [&](DatagramSocket&, std::span<Datagram> in) {
                                        ++batches;
                                        most = std::max(most, in.size());
                                    }},
                               {.socket = {.receive_buffer = 4 * 1024 * 1024}});
    const auto other = bound(reactor, datagram_echo());
    const DatagramClient flood(flooded.local), client(other.local);
    run_ready(reactor);
    for (int i = 0; i < 4000; ++i) static_cast<void>(flood.socket.send(as_bytes("x")));
    client.send("me too");
    run_ready(reactor);
    run_ready(reactor);
    CHECK(client.receive() == "me too");
    CHECK(collect_stats(reactor).datagrams_in <= 2 * 512 + 1);
    CHECK(most <= 64);
    CHECK(batches >= 2);
}

TEST_CASE("datagrams: a drain flushes and ends sockets, the destructor ends them, ids find them") {
    std::vector<std::error_code> reasons;
    const auto note = [&](std::error_code why) { reasons.push_back(why); };
    {
        Reactor reactor;
        const auto first = bound(reactor, {.on_close = note});
        CHECK(find_datagram(reactor, first.id) == nullptr);  // before on_open
        run_ready(reactor);
        run_ready(reactor);
        DatagramSocket* const socket = find_datagram(reactor, first.id);
        REQUIRE(socket != nullptr);
        const Socket far = bind_datagram(kLoopback).value();
        socket->send(DatagramAddress::of(far.local().value()).value(), "from outside");
        std::size_t aborted = 99;
        reactor.drain(10s, [&](std::size_t n) { aborted = n; });
        reactor.run();  // until nothing is left
        CHECK(aborted == 0);
        CHECK(reasons == std::vector<std::error_code>{errc::stopping});
        CHECK(test::receive_text(far) == "from outside");
        CHECK(find_datagram(reactor, first.id) == nullptr);
        bound(reactor, {.on_close = note});
        bound(reactor, {.on_close = note});
        run_ready(reactor);
    }
    CHECK(reasons.size() == 3);
    CHECK(reasons.back() == errc::stopping);
}

TEST_CASE("datagrams: the blocking driver returns a handler's exception, and stops while flooded") {
    const Stop stop = Stop::create().value();
    const Socket socket = bind_datagram(kLoopback).value();
    const DatagramClient client(socket.local().value());
    client.send("x");
    const auto failed = serve_datagrams(
        socket,
        handler(
            {.on_datagram = [](DatagramSocket&, Datagram&) { throw std::runtime_error("oops"); }}),
        stop);
    CHECK(complaint(failed) == "serve " + socket.local()->to_string() +
                                   ": on_datagrams threw: oops: the protocol handler failed");
    client.send("y");
    std::size_t seen = 0;
    const auto ended = serve_datagrams(socket,
                                       handler({.on_datagram =
                                                    [&](DatagramSocket& s, Datagram& in) {
                                                        ++seen;
                                                        s.send(in.from, in.data);
                                                        client.send("again");
                                                        if (seen == 1000) stop.drain();
                                                    }}),
                                       stop);
    CHECK(ended.has_value());
    CHECK(seen >= 1000);
}

TEST_CASE("datagrams: the blocking driver reports ICMP errors, too") {
    const Stop stop = Stop::create().value();
    const Socket socket = connect_datagram(nobody()).value();
    std::error_code code;
    const auto ended =
        serve_datagrams(socket,
                        handler({.on_open = [](DatagramSocket& s) { s.send("anyone?"); },
                                 .on_error =
                                     [&](DatagramSocket& s, const DatagramError& e) {
                                         code = e.code;
                                         s.close();
                                     }}),
                        stop);
    CHECK(ended.has_value());
    CHECK(code == std::errc::connection_refused);
}

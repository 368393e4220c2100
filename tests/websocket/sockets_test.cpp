// Two ends after their handshake, over sockets of the loopback address.
#include <doctest/doctest.h>

#include <switchboard/blocking.hpp>
#include <thread>

#include "talker.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

std::unique_ptr<Protocol> talking_end(Talker& talker) {
    return ws_end(&talker.log, talker.does(), {}, as_client());
}
std::unique_ptr<Protocol> echoing_end() {
    return ws_end(nullptr, ws_echo());
}

}  // namespace

TEST_CASE("WebSocket sockets: two ends talk on one reactor") {
    Talker talker;
    Reactor reactor;
    const auto listening = listen_on(reactor, echoing_end);
    REQUIRE(reactor.connect(listening.local, talking_end(talker)).has_value());
    run_until(reactor, [&] { return talker.log.socket == nullptr && !talker.log.text.empty(); });
    CHECK(talker.is_done());
}

TEST_CASE("WebSocket sockets: a client on a reactor talks to serve_threads") {
    Talker talker;
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop.has_value());
    std::thread server(
        [&] { (void)serve_threads(std::move(listener.socket), echoing_end, *stop); });
    {
        Reactor reactor;
        REQUIRE(reactor.connect(listener.at, talking_end(talker)).has_value());
        run_until(reactor,
                  [&] { return talker.log.socket == nullptr && !talker.log.text.empty(); });
        CHECK(talker.is_done());
    }
    stop->abort();
    server.join();
}

TEST_CASE(
    "WebSocket sockets: a peer that goes on sending after a fault still gets the Close frame") {
    Reactor reactor;
    const auto listening = listen_on(reactor, echoing_end);
    FarEnd client(listening.local);
    client.send(client_close(999));
    const std::string more = client_frame({.payload = "more"});
    for (int i = 0; i < 3; ++i) {
        run_for(reactor, std::chrono::milliseconds(5));
        CHECK(client.send(more) == more.size());  // the server reads on, and sends no reset
    }
    client.read_to_end(reactor);
    CHECK_FALSE(client.error);
    CHECK(client.received == server_close(1002, "Close frame with a wrong code"));
}

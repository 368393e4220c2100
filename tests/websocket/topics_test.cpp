// Topics, in memory.
#include <doctest/doctest.h>

#include <switchboard/reactor.hpp>
#include <switchboard/websocket_registry.hpp>

#include "ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace switchboard::websocket::detail;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using websocket::Topics;

namespace {

// Several sockets of one server, each with a peer that the test plays.
struct Crowd {
    WsLog logs[4];
    Topics topics;
    MemoryDriver driver;
    testing::MemoryPeer* peers[4] = {};

    WsSocket& add(std::size_t i, const websocket::Options& options = {}, Opening opening = {},
                  WsHandler::Does does = {}) {
        peers[i] = &driver.connect(ws_end(&logs[i], std::move(does), options, std::move(opening)));
        driver.run();
        return *logs[i].socket;
    }
    Topics::Published publish(std::string_view topic, std::string_view text,
                              const WsSocket* except = nullptr) {
        const auto published = topics.publish(topic, Kind::text, as_bytes(text), except);
        driver.run();
        return published;
    }
};

websocket::Options compressing(bool takeover) {
    return {.deflate = {.enabled = true, .takeover = takeover, .from = 1}};
}

Opening agreed_on(bool takeover, unsigned bits) {
    return {.deflate = Agreed{.own_takeover = takeover,
                              .peer_takeover = takeover,
                              .own_bits = bits,
                              .peer_bits = 15}};
}

}  // namespace

TEST_CASE("WebSocket topics: a message goes to all who subscribed, but not to `except`") {
    Crowd crowd;
    auto& first = crowd.add(0);
    crowd.topics.subscribe(first, "news");
    crowd.topics.subscribe(first, "news");
    crowd.topics.subscribe(crowd.add(1), "news");
    crowd.topics.subscribe(crowd.add(2), "sport");
    CHECK(crowd.topics.subscribers("news") == 2);
    CHECK(crowd.publish("news", "hello").sent == 2);
    CHECK(crowd.publish("news", "others", &first).sent == 1);
    CHECK(crowd.publish("nothing", "hello").sent == 0);
    CHECK(crowd.peers[0]->received() == server_frame({.payload = "hello"}));
    CHECK(crowd.peers[1]->received() ==
          server_frame({.payload = "hello"}) + server_frame({.payload = "others"}));
    CHECK(crowd.peers[2]->received() == "");
    crowd.topics.unsubscribe(first, "news");
    crowd.topics.unsubscribe(first, "nothing");
    CHECK(crowd.publish("news", "x").sent == 1);
}

TEST_CASE("WebSocket topics: sockets leave when they end, and topics may end before them") {
    Crowd crowd;
    crowd.topics.subscribe(crowd.add(0), "a");
    crowd.topics.subscribe(crowd.add(1), "a");
    crowd.topics.subscribe(*crowd.logs[1].socket, "b");
    {
        Topics brief;
        brief.subscribe(*crowd.logs[1].socket, "c");
    }
    crowd.peers[1]->reset();
    crowd.driver.run();
    CHECK(crowd.topics.subscribers("a") == 1);
    CHECK(crowd.topics.subscribers("b") == 0);
    CHECK(crowd.publish("a", "x").sent == 1);
    crowd.logs[0].socket->close();
    CHECK(crowd.publish("a", "x").sent == 0);
}

TEST_CASE(
    "WebSocket topics: a member that publishes when it ends, and one that leaves when it is told") {
    Crowd crowd;
    crowd.topics.subscribe(crowd.add(0), "a");
    auto& leaver =
        crowd.add(1, {}, {}, {.on_message = [&](WsSocket& s, Kind kind, MutableBytes message) {
                      crowd.topics.publish("a", kind, message);
                      crowd.topics.unsubscribe(s, "a");
                      crowd.topics.publish("a", kind, message);
                  }});
    crowd.topics.subscribe(leaver, "a");
    crowd.peers[1]->send(client_frame({.payload = "x"}));
    crowd.driver.run();
    CHECK(crowd.peers[0]->received() ==
          server_frame({.payload = "x"}) + server_frame({.payload = "x"}));
    CHECK(crowd.peers[1]->received() == server_frame({.payload = "x"}));
}

TEST_CASE("WebSocket topics: who is slow is dropped, or closed with code 1008") {
    for (const auto slow : {websocket::Options::Slow::drop, websocket::Options::Slow::close}) {
        Crowd crowd;
        const websocket::Options options{.close_timeout = 3s, .slow = slow};
        crowd.topics.subscribe(crowd.add(0, options), "a");
        crowd.topics.subscribe(crowd.add(1, options), "a");
        crowd.peers[0]->set_window(10);
        const std::string large(60'000, 'x');
        CHECK(crowd.publish("a", large).sent == 2);
        CHECK(crowd.publish("a", large).sent == 2);  // now the first is above its mark
        const auto published = crowd.publish("a", large);
        CHECK(published.sent == 1);
        const bool drops = slow == websocket::Options::Slow::drop;
        CHECK(published.dropped == (drops ? 1 : 0));
        CHECK(published.closed == (drops ? 0 : 1));
        if (drops) {
            crowd.peers[0]->set_window(1'000'000);
            crowd.driver.run();
            CHECK(crowd.publish("a", "x").sent == 2);
        } else {
            CHECK(crowd.publish("a", "x").sent == 1);
            crowd.driver.advance(3s);
            CHECK(crowd.peers[0]->close_reason() == errc::close_timed_out);
        }
        CHECK(crowd.peers[1]->received().size() > 180'000);
    }
}

TEST_CASE("WebSocket topics: a socket between begin() and end() misses the message") {
    Crowd crowd;
    auto& socket = crowd.add(0);
    crowd.topics.subscribe(socket, "a");
    socket.begin(Kind::text);
    CHECK(crowd.publish("a", "x").dropped == 1);
    socket.end();
    CHECK(crowd.publish("a", "x").sent == 1);
}

TEST_CASE(
    "WebSocket topics: one compressed frame fits all windows, and takeover goes on after it") {
    Crowd crowd;
    crowd.topics.subscribe(crowd.add(0), "a");
    crowd.topics.subscribe(crowd.add(1, compressing(false), agreed_on(false, 15)), "a");
    crowd.topics.subscribe(crowd.add(2, compressing(true), agreed_on(true, 9)), "a");
    const std::string text = "hello hello hello " + std::string(1000, 'x') + " hello hello hello";
    crowd.logs[2].socket->send(text);
    crowd.driver.run();
    const std::string before = crowd.peers[2]->take_received();
    const std::string other = "goodbye goodbye " + std::string(1000, 'y') + " goodbye goodbye";
    CHECK(crowd.publish("a", other).sent == 3);
    CHECK(crowd.peers[0]->received() == server_frame({.payload = other}));
    CHECK(crowd.peers[1]->received() == crowd.peers[2]->received());
    CHECK(crowd.peers[1]->received().size() < 100);
    crowd.logs[2].socket->send(text);
    crowd.driver.run();
    // a receiver with one window for all messages understands each of them
    WsLog log;
    MemoryDriver driver;
    auto opening = agreed_on(true, 15);
    opening.role = Role::client;
    auto& receiver = driver.connect(ws_end(&log, {}, compressing(true), opening));
    receiver.send(before + crowd.peers[2]->received());
    driver.run();
    CHECK(log.text == "open text:" + text + " text:" + other + " text:" + text + " ");
}

TEST_CASE("WebSocket topics: the protocol rooms passes a message on to all others of its path") {
    Registry registry;
    websocket::register_websocket(registry);
    CHECK(registry.make("rooms", {}, {}).error() == errc::needs_reactor);
    Reactor reactor;
    const auto rooms = registry.make("rooms", {}, {.reactor = &reactor});
    REQUIRE(rooms.has_value());
    MemoryDriver driver;
    const auto enter = [&](const std::string& path) -> testing::MemoryPeer& {
        auto& peer = driver.connect((*rooms)());
        peer.send("GET " + path +
                  " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        driver.run();
        CHECK(peer.take_received().starts_with("HTTP/1.1 101 "));
        return peer;
    };
    auto &first = enter("/here"), &second = enter("/here"), &third = enter("/there/too");
    first.send(client_frame({.payload = "hello"}));
    third.send(client_frame({.payload = "nobody hears it"}));
    driver.run();
    CHECK(first.received().empty());
    CHECK(second.received() == server_frame({.payload = "hello"}));
    CHECK(third.received().empty());
}

namespace {

// Subscribes and unsubscribes when its socket has ended.
class JoinsLate final : public websocket::Handler {
public:
    JoinsLate(Topics& topics, std::size_t* queued) : topics_(topics), queued_(queued) {}

private:
    void on_open(WsSocket& socket) override { socket_ = &socket; }
    void on_message(WsSocket&, Kind, MutableBytes) override {}
    void on_close(std::uint16_t, std::string_view) noexcept override {
        topics_.subscribe(*socket_, "a");
        topics_.unsubscribe(*socket_, "a");
        *queued_ = socket_->queued();
    }

    Topics& topics_;
    std::size_t* queued_;
    WsSocket* socket_ = nullptr;
};

}  // namespace

TEST_CASE("WebSocket topics: a socket that has ended cannot subscribe") {
    Crowd crowd;
    crowd.topics.subscribe(crowd.add(0), "a");
    std::size_t queued = 1;
    auto& peer = crowd.driver.connect(std::make_unique<Engine>(
        std::make_unique<JoinsLate>(crowd.topics, &queued), ws_settings().shared(), Opening{}));
    crowd.driver.run();
    peer.reset();
    crowd.driver.run();
    CHECK(queued == 0);
    CHECK(crowd.topics.subscribers("a") == 1);
    CHECK(crowd.publish("a", "x").sent == 1);
}

TEST_CASE("WebSocket topics: clients may subscribe, and their frames are masked") {
    Crowd crowd;
    const websocket::Options options{.mask = [] { return 0x01020304U; }};
    crowd.topics.subscribe(crowd.add(0, options, as_client()), "a");
    crowd.topics.subscribe(crowd.add(1), "a");
    CHECK(crowd.publish("a", "hello").sent == 2);
    CHECK(crowd.peers[0]->received() == client_frame({.payload = "hello"}, 0x01020304));
    CHECK(crowd.peers[1]->received() == server_frame({.payload = "hello"}));
}

TEST_CASE("WebSocket topics: what does not become smaller goes out as it is") {
    Crowd crowd;
    crowd.topics.subscribe(crowd.add(0, compressing(false), agreed_on(false, 15)), "a");
    CHECK(crowd.publish("a", "qz").sent == 1);
    CHECK(crowd.publish("a", "").sent == 1);
    CHECK(crowd.peers[0]->received() ==
          server_frame({.payload = "qz"}) + server_frame({.payload = ""}));
}

// The line of handshakes, on a virtual clock, and protocols chosen by ALPN.
#include "handshake_line.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

tls::Server server_in_line(unsigned per_turn, std::chrono::milliseconds timeout = 10s) {
    tls::ServerOptions options;
    options.certificates = {server_certificate()};
    options.handshakes_per_turn = per_turn;
    options.common.handshake_timeout = timeout;
    auto made = tls::Server::make(std::move(options));
    REQUIRE(made);
    return *made;
}

// Clients that have all sent their first message to the server.
class Crowd {
public:
    Crowd(const tls::Server& server, std::size_t size) : client_(make_client()) {
        for (std::size_t i = 0; i < size; ++i) {
            clients_.push_back(&driver_.connect(client_.wrap("server.example", end(seen_, {})())));
            servers_.push_back(&driver_.connect(server.wrap(end(seen_, {.echoes = true}))));
        }
        driver_.run();
        carry();
    }

    testing::MemoryDriver& driver() { return driver_; }
    testing::MemoryPeer& server(std::size_t i) { return *servers_[i]; }
    testing::MemoryPeer& client(std::size_t i) { return *clients_[i]; }
    // How many handshakes are done.
    std::size_t open() {
        carry();
        std::size_t count = 0;
        for (testing::MemoryPeer* const each : servers_)
            if (Connection* const c = each->connection(); c != nullptr && c->security()) ++count;
        return count;
    }
    void carry() {
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t i = 0; i < clients_.size(); ++i) {
                const std::string up = clients_[i]->take_received();
                const std::string down = servers_[i]->take_received();
                if (!up.empty()) servers_[i]->send(up);
                if (!down.empty()) clients_[i]->send(down);
                moved = moved || !up.empty() || !down.empty();
            }
            driver_.run();
        }
    }

private:
    tls::Client client_;
    Seen seen_;
    testing::MemoryDriver driver_;
    std::vector<testing::MemoryPeer*> clients_, servers_;
};

}  // namespace

TEST_CASE("TLS line: so many handshakes begin in a millisecond, and open connections go on") {
    Crowd crowd(server_in_line(2), 9);
    CHECK(crowd.open() == 2);
    crowd.client(0).connection()->write("hello");
    crowd.carry();
    for (const std::size_t open : {4U, 6U, 8U, 9U}) {
        crowd.driver().advance(1ms);
        CHECK(crowd.open() == open);
    }
    crowd.driver().advance(20s);
    CHECK(crowd.open() == 9);  // the time-out of the handshake is over
}

TEST_CASE("TLS line: without a limit all begin at once, and the limit is for each server") {
    CHECK(Crowd(server_in_line(0), 20).open() == 20);
    CHECK(Crowd(server_in_line(4), 20).open() == 4);
    CHECK(Crowd(server_in_line(4), 4).open() == 4);
}

TEST_CASE("TLS line: a turn that takes long lets no more handshakes begin") {
    tls::detail::HandshakeLine line(4);
    Clock::time_point now(1h);
    const auto ask =
        [&](int count) {  // returns how many may begin, and checks when the others ask again
            int begin = 0;
            for (int i = 0; i < count; ++i) {
                const auto when = line.enter(now);
                CHECK(when == now + std::chrono::milliseconds(i / 4));
                if (when == now) ++begin;
            }
            return begin;
        };
    CHECK(ask(24) == 4);
    now += 5ms;
    CHECK(ask(20) == 4);
    now += 1ms;
    CHECK(ask(3) == 3);
    CHECK(line.enter(now - 2ms) == now - 2ms);  // another reactor, whose turn began earlier
    CHECK(line.enter(now - 2ms) == now - 1ms);
    now -= 1min;  // another clock
    CHECK(ask(5) == 4);
}

TEST_CASE("TLS line: the wait is part of the handshake's time") {
    Crowd crowd(server_in_line(1, 3ms), 8);
    for (int i = 0; i < 3; ++i) {
        crowd.driver().advance(1ms);
        crowd.carry();
    }
    CHECK(crowd.open() == 3);
    for (std::size_t i = 3; i < 8; ++i) {
        CHECK(crowd.server(i).close_reason() == tls::errc::handshake_timed_out);
        CHECK(crowd.server(i).received() == "");
    }
}

TEST_CASE("TLS line: a peer that leaves while it waits does not hold up the others") {
    Crowd crowd(server_in_line(1), 3);
    crowd.server(1).reset();
    crowd.driver().run();
    CHECK(crowd.server(1).close_reason() == std::errc::connection_reset);
    crowd.driver().advance(2ms);
    CHECK(crowd.open() == 2);
}

TEST_CASE("TLS: the protocol above is chosen by ALPN") {
    const auto run = [](const std::vector<std::string>& offers) {
        tls::ServerOptions options;
        options.common.protocols = {"b", "a", "c"};
        const auto server = make_server(options);
        Seen a, b, none, client;
        const auto factory = server.wrap({{"a", end(a)}, {"b", end(b)}, {"", end(none)}});
        tls::ClientOptions with;
        with.common.protocols = offers;
        testing::MemoryDriver driver;
        driver.join(make_client(with).wrap("server.example", end(client, {.ends_output = true})()),
                    factory());
        driver.run();
        std::string opened = (a.opened() ? "a" : "") + std::string(b.opened() ? "b" : "") +
                             (none.opened() ? "none" : "");
        return opened.empty() ? client.calls : opened;
    };
    CHECK(run({"a"}) == "a");
    CHECK(run({"a", "b"}) == "b");
    CHECK(run({}) == "none");
    CHECK(run({"c"}) == "open eof close ");  // agreed on, but without a factory
    CHECK(run({"d"}) == "close ");
}

TEST_CASE("TLS: a server without a protocol for a client says so") {
    const auto server = make_server();
    testing::MemoryDriver driver;
    Seen client, unused;
    const auto factory = server.wrap({{"a", end(unused)}});
    Wire wire(make_client(), factory);
    wire.carry();
    CHECK(wire.server_side().close_reason() == tls::errc::no_common_protocol);
    CHECK(wire.seen.calls == "open eof close ");
    CHECK_FALSE(unused.opened());
}

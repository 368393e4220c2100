// Connects by name, blocking and on the reactor, in networks that drop, refuse or are unreachable.
#include <switchboard/embed.hpp>
#include "dns_server.hpp"
#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// A connect by name, while the test plays the name server.
struct ByName {
    DnsServer server;
    Listener listener{"192.0.2.1:0"};
    Reactor reactor;
    std::string told;
    Clock::time_point began = Clock::now();

    void start(std::chrono::milliseconds timeout = 5s) {
        ConnectOptions options;
        options.limits.connect_timeout = timeout;
        options.on_ended = [&](const Error& error) {
            if (told.empty()) told = error.message();
        };
        const auto connecting = reactor.connect(
            Endpoint::tcp("a.test", listener.at.port()),
            make_protocol({.on_open = [&](Connection& c) { told = c.peer().host(), c.close(); }}),
            options);
        if (!connecting) told = connecting.error().message();
    }
    // Runs until the connect has ended, at most for `most`.
    void turn(std::chrono::milliseconds most) {
        for (const auto end = Clock::now() + most; told.empty() && Clock::now() < end;) {
            server.answer();
            run_ready(reactor);
        }
    }
    std::string end() {
        turn(10s);
        reactor.run();
        return told;
    }
};

// Packets to 2001:db8::66 and 192.0.2.66 are dropped; see network.hpp.
const Network kNetwork{.hosts =
                           "2001:db8::66 dropped\n192.0.2.1 dropped\n"
                           "2001:db8::1 refused\n192.0.2.1 refused\n"
                           "2001:db8:1::1 unreachable\n192.0.2.1 unreachable\n"
                           "2001:db8::66 both\n192.0.2.66 both\n192.0.2.1 both\n"
                           "2001:db8::1 none\n192.0.2.66 none\n198.51.100.1 none\n"};

struct Outcome {
    std::string peer_or_error;
    Clock::duration took;
};

using Connect = Outcome (*)(const std::string& name, std::uint16_t port,
                            std::chrono::milliseconds timeout);

Outcome blocking(const std::string& name, std::uint16_t port, std::chrono::milliseconds timeout) {
    const auto began = Clock::now();
    const auto socket = connect(Endpoint::tcp(name, port), timeout);
    const auto took = Clock::now() - began;
    return {socket ? socket->peer()->host() : socket.error().message(), took};
}

Outcome on_reactor(const std::string& name, std::uint16_t port, std::chrono::milliseconds timeout) {
    Reactor reactor;
    Outcome outcome;
    const auto began = Clock::now();
    const auto end = [&](const std::string& text) {
        outcome = {text, Clock::now() - began};
        reactor.stop();
    };
    ConnectOptions options;
    options.limits.connect_timeout = timeout;
    options.on_ended = [&](const Error& error) {
        if (outcome.peer_or_error.empty()) end(error.message());
    };
    const auto started = reactor.connect(
        Endpoint::tcp(name, port),
        make_protocol({.on_open = [&](Connection& c) { end(c.peer().host()), c.close(); }}),
        options);
    if (!started) return {started.error().message(), {}};
    reactor.run();
    reactor.run();  // also until the connection has closed
    return outcome;
}

std::string try_it(Connect how, const std::string& name, std::chrono::milliseconds least,
                   std::chrono::milliseconds most, std::chrono::milliseconds timeout = 5s) {
    return in_network(kNetwork, [&] {
        const Listener listener("192.0.2.1:0");
        const auto [text, took] = how(name, listener.at.port(), timeout);
        std::string told = text;
        const std::string port = ":" + std::to_string(listener.at.port()) + ":";
        if (const auto at = told.find(port); at != std::string::npos)
            told.replace(at, port.size(), ":P:");
        if (took < least) told += " too soon";
        if (took > most) told += " too late: " + std::to_string(took / 1ms);
        return told;
    });
}

}  // namespace

TEST_CASE("happy eyeballs: the first address drops packets: connected within 300 ms") {
    CHECK_IN_NETWORK(try_it(on_reactor, "dropped", 240ms, 300ms), "192.0.2.1");
    CHECK_IN_NETWORK(try_it(blocking, "dropped", 240ms, 300ms), "192.0.2.1");
}

TEST_CASE("happy eyeballs: after a refusal the next address is tried at once") {
    CHECK_IN_NETWORK(try_it(on_reactor, "refused", 0ms, 150ms), "192.0.2.1");
    CHECK_IN_NETWORK(try_it(blocking, "refused", 0ms, 150ms), "192.0.2.1");
}

TEST_CASE("happy eyeballs: an unreachable address causes no delay") {
    CHECK_IN_NETWORK(try_it(on_reactor, "unreachable", 0ms, 150ms), "192.0.2.1");
    CHECK_IN_NETWORK(try_it(blocking, "unreachable", 0ms, 150ms), "192.0.2.1");
}

TEST_CASE("happy eyeballs: if two addresses drop packets, the third is tried after two delays") {
    CHECK_IN_NETWORK(try_it(on_reactor, "both", 490ms, 600ms), "192.0.2.1");
    // glibc puts addresses of the own network first.
    CHECK_IN_NETWORK(try_it(blocking, "both", 240ms, 600ms), "192.0.2.1");
}

TEST_CASE("happy eyeballs: the error names each address with its error, within connect_timeout") {
    const std::string expected =
        "connect tcp://none:P: 2001:db8::1: connection refused; 198.51.100.1: no route to host; "
        "192.0.2.66: connect timed out";
    CHECK_IN_NETWORK(try_it(on_reactor, "none", 395ms, 500ms, 400ms), expected);
    CHECK_IN_NETWORK(try_it(blocking, "none", 395ms, 500ms, 400ms), expected);
}

TEST_CASE("happy eyeballs: a look-up that hangs is bounded by connect_timeout, too") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    const Socket silent(::socket(AF_INET, SOCK_DGRAM, 0));
                                    const auto at = Endpoint::tcp("127.0.0.1", 53).addresses();
                                    (void)::bind(silent.fd(), at->front().data(),
                                                 at->front().size());
                                    return on_reactor("a.test", 80, 200ms).peer_or_error;
                                }),
                     "connect tcp://a.test:80: name look-up: connect timed out");
}

TEST_CASE("happy eyeballs: an unanswered family delays the other by only 50 ms") {
    CHECK_IN_NETWORK(in_network({},
                                []() -> std::string {
                                    ByName name;
                                    name.server.zone = {{{"a.test", DnsServer::a}, {"192.0.2.1"}}};
                                    name.start();
                                    const std::string told = name.end();
                                    const auto took = Clock::now() - name.began;
                                    if (took < 50ms) return told + " too soon";
                                    return took < 900ms ? told : told + " late";
                                }),
                     "192.0.2.1");
}

TEST_CASE("happy eyeballs: a slow family joins attempts that are running, or have failed") {
    for (const char* first : {"2001:db8::66", "2001:db8:1::1"}) {  // drops packets, is unreachable
        CAPTURE(first);
        CHECK_IN_NETWORK(in_network(kNetwork,
                                    [first]() -> std::string {
                                        ByName name;
                                        name.server.zone = {
                                            {{"a.test", DnsServer::a}, {"192.0.2.1"}},
                                            {{"a.test", DnsServer::aaaa}, {first}}};
                                        name.server.held = {{"a.test", DnsServer::a}};
                                        name.start();
                                        name.turn(300ms);
                                        if (!name.told.empty()) return "too soon: " + name.told;
                                        name.server.release();
                                        return name.end();
                                    }),
                         "192.0.2.1");
    }
}

TEST_CASE("happy eyeballs: a lost question of one family is repeated") {
    CHECK_IN_NETWORK(
        in_network({},
                   []() -> std::string {
                       ByName name;
                       name.server.zone = {{{"a.test", DnsServer::aaaa}, {"2001:db8:1::1"}}};
                       name.start();
                       name.turn(200ms);
                       name.server.zone[{"a.test", DnsServer::a}] = {"192.0.2.1"};
                       return name.end();
                   }),
        "192.0.2.1");
}

TEST_CASE("happy eyeballs: the time-out names a family that was never answered") {
    CHECK_IN_NETWORK(
        in_network({},
                   []() -> std::string {
                       ByName name;
                       name.server.zone = {{{"a.test", DnsServer::aaaa}, {"2001:db8:1::1"}}};
                       name.start(1s);
                       std::string told = name.end();
                       const std::string port = std::to_string(name.listener.at.port());
                       return told.replace(told.find(port), port.size(), "P");
                   }),
        "connect tcp://a.test:P: 2001:db8:1::1: no route to host; name look-up: "
        "connect timed out");
}

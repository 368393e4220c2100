#include <netdb.h>
#include <uv.h>

#include <cstring>
#include <optional>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/resolver.hpp>

#include "dns_server.hpp"
#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

using Answer = Result<std::vector<SocketAddress>>;

std::string text_of(const Answer& answer) {
    if (!answer) return answer.error().message();
    std::string text;
    for (const SocketAddress& a : *answer) text += Endpoint::from(a).to_string() + " ";
    return text;
}

// Runs a reactor and a name server until the condition holds, at most for five seconds.
template <class Condition>
bool turn_until(Reactor& reactor, DnsServer& server, Condition condition) {
    const auto end = Clock::now() + 5s;
    while (!condition()) {
        if (Clock::now() > end) return false;
        server.answer();
        run_ready(reactor);
    }
    return true;
}

std::string ask(Reactor& reactor, DnsServer& server, std::string_view name,
                std::string_view service = "80", ResolveOptions options = {}) {
    std::optional<std::string> told;
    resolve(
        reactor, name, service, [&](Answer answer) { told = text_of(answer); }, options);
    if (told) return "from within the call";
    return turn_until(reactor, server, [&] { return told.has_value(); }) ? *told : "nothing";
}

}  // namespace

TEST_CASE(
    "resolver: numbers, localhost and services need no name server, and are not reported at once") {
    Reactor reactor;
    std::vector<std::string> told;
    const auto note = [&](Answer answer) { told.push_back(text_of(answer)); };
    resolve(reactor, "127.0.0.1", "80", note);
    resolve(reactor, "::1", "http", note);
    resolve(reactor, "LOCALHOST", "1", note);
    resolve(reactor, "a.localhost.", "0", note);
    resolve(reactor, "127.0.0.1", "no-such-service", note);
    resolve(reactor, "127.0.0.1", "65536", note);
    resolve(reactor, "", "80", note);
    resolve(reactor, std::string_view("local\0host", 10), "80", note);
    CHECK(told.empty());
    reactor.run();
    REQUIRE(told.size() == 8);
    CHECK(told[0] == "tcp://127.0.0.1:80 ");
    CHECK(told[1] == "tcp://[::1]:80 ");
    CHECK(told[2].find("tcp://127.0.0.1:1 ") != std::string::npos);
    CHECK(told[3].find("tcp://127.0.0.1:0 ") != std::string::npos);
    CHECK(told[4].starts_with("resolve 127.0.0.1:no-such-service: "));
    CHECK(told[5].starts_with("resolve 127.0.0.1:65536: "));
    CHECK(told[6].starts_with("resolve :80: name or service not known"));
    CHECK(told[7].find("name or service not known") != std::string::npos);
}

TEST_CASE("resolver: /etc/hosts answers without a query, one family or both") {
    const Network network{.hosts = "127.0.0.7 four alias\n::1 both\n127.0.0.8 both\n"};
    CHECK_IN_NETWORK(in_network(network,
                                [] {
                                    Reactor reactor;
                                    DnsServer server;
                                    const std::string told = ask(reactor, server, "four") +
                                                             ask(reactor, server, "ALIAS") +
                                                             ask(reactor, server, "both") +
                                                             ask(reactor, server, "localhost");
                                    return told + std::to_string(server.asked.size());
                                }),
                     "tcp://127.0.0.7:80 tcp://127.0.0.7:80 tcp://[::1]:80 tcp://127.0.0.8:80 "
                     "tcp://[::1]:80 tcp://127.0.0.1:80 0");
}

TEST_CASE("resolver: asks the name server for both families, and orders the addresses") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    Reactor reactor;
                                    DnsServer server;
                                    server.zone = {
                                        {{"a.test", DnsServer::a}, {"192.0.2.5", "192.0.2.4"}},
                                        {{"a.test", DnsServer::aaaa}, {"2001:db8::5"}},
                                        {{"b.test", DnsServer::a}, {"192.0.2.6"}},
                                        {{"b.test", DnsServer::aaaa}, {"2001:db8:1::6"}}};
                                    return ask(reactor, server, "a.test") + "| " +
                                           ask(reactor, server, "b.test");
                                }),
                     "tcp://[2001:db8::5]:80 tcp://192.0.2.5:80 tcp://192.0.2.4:80 | "
                     "tcp://192.0.2.6:80 tcp://[2001:db8:1::6]:80 ");
}

TEST_CASE("resolver: an unanswered family costs the time-out, but is not an error") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    Reactor reactor;
                                    DnsServer server;
                                    server.zone = {{{"a.test", DnsServer::a}, {"192.0.2.5"}}};
                                    return ask(reactor, server, "a.test", "80", {.timeout = 1s});
                                }),
                     "tcp://192.0.2.5:80 ");
}

TEST_CASE("resolver: the addresses of a slow family are in the list") {
    CHECK_IN_NETWORK(in_network({},
                                []() -> std::string {
                                    Reactor reactor;
                                    DnsServer server;
                                    server.zone = {{{"a.test", DnsServer::a}, {"192.0.2.5"}},
                                                   {{"a.test", DnsServer::aaaa}, {"2001:db8::5"}}};
                                    server.held = {{"a.test", DnsServer::a}};
                                    std::string told;
                                    resolve(reactor, "a.test", "80",
                                            [&](Answer answer) { told = text_of(answer); });
                                    const auto late = Clock::now() + 100ms;
                                    turn_until(reactor, server,
                                               [&] { return Clock::now() > late; });
                                    if (!told.empty()) return "too soon: " + told;
                                    server.release();
                                    turn_until(reactor, server, [&] { return !told.empty(); });
                                    return told;
                                }),
                     "tcp://[2001:db8::5]:80 tcp://192.0.2.5:80 ");
}

TEST_CASE("resolver: a lost question is repeated, and an unknown name is an error") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    Reactor reactor;
                                    DnsServer server;
                                    server.ignore = 2;
                                    server.zone = {{{"a.test", DnsServer::a}, {"192.0.2.5"}},
                                                   {{"a.test", DnsServer::aaaa}, {}}};
                                    server.unknown = {"none.test"};
                                    return ask(reactor, server, "a.test") +
                                           ask(reactor, server, "none.test");
                                }),
                     "tcp://192.0.2.5:80 resolve none.test:80: name or service not known");
}

TEST_CASE("resolver: an answer that comes while the loop is held up is in time") {
    const Network network{.script = "echo 'options timeout:1 attempts:1' >> /etc/resolv.conf"};
    CHECK_IN_NETWORK(in_network(network,
                                []() -> std::string {
                                    DnsServer server;
                                    server.zone[{"a.test", DnsServer::a}] = {"127.0.0.7"};
                                    server.zone[{"a.test", DnsServer::aaaa}] = {};
                                    Reactor reactor;
                                    std::string told;
                                    resolve(reactor, "a.test", "80",
                                            [&](Answer answer) { told = text_of(answer); });
                                    reactor.after(1ms, [&] {
                                        for (const auto end = Clock::now() + 3s;
                                             Clock::now() < end;)
                                            server.answer();
                                    });
                                    reactor.run();
                                    return told;
                                }),
                     "tcp://127.0.0.7:80 ");
}

TEST_CASE("resolver: without a name server the result is a temporary failure, at once") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    Reactor reactor;
                                    std::string told;
                                    const auto began = Clock::now();
                                    resolve(reactor, "a.test", "80",
                                            [&](Answer answer) { told = text_of(answer); });
                                    reactor.run();
                                    return Clock::now() - began < 1s ? told : "late";
                                }),
                     "resolve a.test:80: temporary failure in name resolution");
}

TEST_CASE("resolver: a server that never answers blocks nothing, and costs the time-out") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    Reactor reactor;
                                    DnsServer server;
                                    int ticks = 0;
                                    const TimerId timer = reactor.every(10ms, [&] { ++ticks; });
                                    const auto began = Clock::now();
                                    const std::string told =
                                        ask(reactor, server, "a.test", "80", {.timeout = 300ms});
                                    if (Clock::now() - began < 300ms) return told + " early";
                                    reactor.cancel(timer);
                                    return told + (ticks > 2 ? "" : " and the loop stood still");
                                }),
                     "resolve a.test:80: name look-up timed out");
}

TEST_CASE(
    "resolver: a reactor's destructor does not wait for a look-up, and its done reports stopping") {
    CHECK_IN_NETWORK(in_network({},
                                [] {
                                    const DnsServer server;
                                    std::string told;
                                    auto reactor = std::make_unique<Reactor>();
                                    const auto note = [&](Answer a) { told += text_of(a) + "; "; };
                                    resolve(*reactor, "a.test", "80", note);
                                    run_ready(*reactor);
                                    resolve(*reactor, "localhost", "80", note);
                                    const auto began = Clock::now();
                                    reactor.reset();
                                    return Clock::now() - began < 200ms ? told : "late";
                                }),
                     "resolve a.test:80: the server is stopping; "
                     "resolve localhost:80: the server is stopping; ");
}

TEST_CASE("resolver: cancelled look-ups are not reported, and close their socket") {
    CHECK_IN_NETWORK(
        in_network({},
                   []() -> std::string {
                       Reactor reactor;
                       DnsServer server;
                       const std::size_t before = count_descriptors();
                       bool came = false;
                       const auto note = [&](Answer) { came = true; };
                       const LookupId asking = resolve(reactor, "a.test", "80", note);
                       if (!turn_until(reactor, server, [&] { return server.asked.size() == 2; }))
                           return "never asked";
                       cancel(reactor, asking);
                       if (count_descriptors() != before) return "its socket is open";
                       cancel(reactor, resolve(reactor, "127.0.0.1", "80", note));
                       cancel(reactor, asking);
                       reactor.run();  // nothing keeps it running
                       return came ? "it came" : "";
                   }),
        "");
}

TEST_CASE("resolver: asks for max_lookups names at the same time, and for the rest in order") {
    CHECK_IN_NETWORK(
        in_network(
            {},
            []() -> std::string {
                std::string told;
                Reactor reactor({.max_lookups = 2});
                DnsServer server;
                server.zone = {{{"c", DnsServer::a}, {"192.0.2.5"}}, {{"c", DnsServer::aaaa}, {}}};
                std::vector<LookupId> ids;
                for (const char* name : {"a", "b", "c", "d", "e"}) {
                    ids.push_back(resolve(reactor, name, "80", [&, name](Answer answer) {
                        told += name + std::string(answer ? "+" : "-");
                    }));
                }
                const auto names = [&] {
                    std::string all;
                    for (const auto& [name, type] : server.asked)
                        if (type == DnsServer::a) all += name;
                    return all;
                };
                const auto wait_for = [&](const char* expected) {
                    return turn_until(reactor, server, [&] { return names() == expected; });
                };
                if (!wait_for("ab")) return "first " + names();
                cancel(reactor, ids[3]);  // a look-up that waits
                cancel(reactor, ids[0]);  // a look-up that is running
                return wait_for("abce") ? told : "then " + names();
            }),
        "c+");
}

TEST_CASE(
    "resolver: 1,000 look-ups of a dead server at once stay bounded, and do not starve others") {
    CHECK_IN_NETWORK(in_network({.hosts = "127.0.0.7 here\n"},
                                []() -> std::string {
                                    Reactor reactor;
                                    DnsServer server;
                                    const std::size_t before = count_descriptors();
                                    std::size_t timed_out = 0;
                                    for (int i = 0; i < 1'000; ++i) {
                                        resolve(reactor, std::to_string(i) + ".test", "80",
                                                [&](Answer a) {
                                                    if (a.error() == errc::lookup_timed_out)
                                                        ++timed_out;
                                                },
                                                {.timeout = 2s});
                                    }
                                    if (count_descriptors() > before + 64)
                                        return "too many sockets";
                                    const std::string told = ask(reactor, server, "here");
                                    if (timed_out > 0) return "it waited for the others";
                                    turn_until(reactor, server, [&] { return timed_out == 1'000; });
                                    return told + std::to_string(timed_out);
                                }),
                     "tcp://127.0.0.7:80 1000");
}

TEST_CASE("resolver: a done may start and cancel look-ups, and may throw") {
    std::string log;
    Reactor reactor(
        {.log = [&](LogLevel, std::string_view text) { log += std::string(text) + "\n"; }});
    int came = 0;
    LookupId other;
    resolve(reactor, "127.0.0.1", "80", [&](Answer) {
        cancel(reactor, other);
        resolve(reactor, "127.0.0.1", "80", [&](Answer) { ++came; });
        throw std::runtime_error("mine");
    });
    other = resolve(reactor, "127.0.0.1", "80", [&](Answer) { came += 100; });
    reactor.run();
    CHECK(came == 1);
    CHECK(log == "resolve threw: mine\n");
}

TEST_CASE("resolver: a done that starts another look-up does not delay the reactor's destructor") {
    int came = 0;
    std::string told;
    auto reactor = std::make_unique<Reactor>();
    Reactor& r = *reactor;  // valid while its destructor calls back
    const std::function<void(Answer)> again = [&](Answer answer) {
        told = text_of(answer);
        if (++came < 1'000) resolve(r, "127.0.0.1", "80", again);
    };
    resolve(r, "127.0.0.1", "80", again);
    resolve(r, "127.0.0.1", "80", again);
    reactor.reset();
    CHECK(came == 2);
    CHECK(told == "resolve 127.0.0.1:80: the server is stopping");
}

TEST_CASE("resolver: a reactor that ends, or is forked, sends no questions") {
    CHECK_IN_NETWORK(
        in_network({},
                   []() -> std::string {
                       DnsServer server;
                       std::string told;
                       const auto note = [&](Answer a) { told += text_of(a) + "; "; };
                       auto reactor = std::make_unique<Reactor>();
                       Reactor& r = *reactor;
                       const Listening listening = listen_on(r, echo_factory());
                       const auto late = [&](std::error_code) { resolve(r, "late", "80", note); };
                       auto made = r.connect(listening.local, make_protocol({.on_close = late}));
                       if (!made) return "not connected";
                       run_until(r, [&] { return collect_stats(r).connected == 1; });
                       const std::string child = in_child([&] {
                           resolve(r, "child", "80", note);
                           return std::string();
                       });
                       reactor.reset();
                       server.answer();
                       for (const auto& [name, type] : server.asked) told += "asked " + name + "; ";
                       return told + child;
                   }),
        "resolve late:80: the server is stopping; ");
}

TEST_CASE("resolver: a look-up in a forked child is an error, if its host runs the loop") {
    CHECK(in_child([] {
              uv_loop_t host;
              uv_loop_init(&host);
              std::string told;
              auto reactor = std::make_unique<Reactor>(&host);
              const std::string child = in_child([&] {
                  uv_loop_fork(&host);
                  resolve(*reactor, "127.0.0.1", "80", [&](Answer a) { told = text_of(a); });
                  const bool at_once = !told.empty();
                  uv_run(&host, UV_RUN_NOWAIT);
                  uv_run(&host, UV_RUN_NOWAIT);
                  return at_once ? "at once" : told;
              });
              reactor.reset();
              uv_run(&host, UV_RUN_DEFAULT);
              uv_loop_close(&host);
              return child;
          }) == "resolve 127.0.0.1:80: the reactor belongs to the parent process");
}

// A connect by name that ends makes room for the next look-up, which must not start here.
TEST_CASE("resolver: connects by name that end with their reactor start no other look-up") {
    for (const bool forked : {false, true}) {
        CAPTURE(forked);
        CHECK_IN_NETWORK(
            in_network({},
                       [forked]() -> std::string {
                           DnsServer server;
                           auto reactor =
                               std::make_unique<Reactor>(ReactorOptions{.max_lookups = 1});
                           for (const char* name : {"tcp://a:1", "tcp://b:1", "tcp://c:1"}) {
                               if (!reactor->connect(endpoint(name), echo_factory()()))
                                   return "not connected";
                           }
                           const auto end = [&] {
                               reactor.reset();
                               return std::string();
                           };
                           std::string told = forked ? in_child(end) : end();
                           server.answer();
                           for (const auto& [name, type] : server.asked)
                               if (type == DnsServer::a) told += name;
                           return told;
                       }),
            "a");
    }
}

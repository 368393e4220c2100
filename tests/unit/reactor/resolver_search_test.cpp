// The reactor must find the same addresses as getaddrinfo, for every kind of resolv.conf.
#include <cstdlib>
#include <optional>
#include <switchboard/resolver.hpp>
#include <thread>

#include "dns_server.hpp"
#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

using Zone = std::map<DnsServer::Question, std::vector<std::string>>;

struct Search {
    std::string resolv_conf;
    std::string name;
    Zone zone;
    std::string found;  // or "none"
    std::vector<std::string> failing = {};
    const char* local_domain = nullptr;
    const char* options = nullptr;
};

std::string addresses_of(const Result<std::vector<SocketAddress>>& answer) {
    if (!answer) return "none";
    std::string text;
    for (const SocketAddress& a : *answer) text += Endpoint::from(a).host() + " ";
    return text;
}

std::string by_reactor(const std::string& name) {
    Reactor reactor;
    std::string told;
    resolve(reactor, name, "80", [&](auto answer) { told = addresses_of(answer); });
    reactor.run();
    return told;
}

std::string by_getaddrinfo(const std::string& name) {
    return addresses_of(Endpoint::tcp(name, 80).resolve());
}

// Returns the result of both resolvers, once if they agree.
std::string both(const Search& search) {
    DnsServer server;
    server.zone = search.zone;
    server.failing = search.failing;
    server.knows_all = true;
    if (search.local_domain != nullptr) ::setenv("LOCALDOMAIN", search.local_domain, 1);
    if (search.options != nullptr) ::setenv("RES_OPTIONS", search.options, 1);
    std::atomic<bool> stop = false;
    std::thread answers([&] { server.answer_until(stop); });
    const std::string one = by_reactor(search.name), other = by_getaddrinfo(search.name);
    stop = true;
    answers.join();
    return one == other ? one : "reactor: " + one + "; getaddrinfo: " + other;
}

void check(const Search& search) {
    CAPTURE(search.resolv_conf);
    CAPTURE(search.name);
    const Network network{.hosts = "192.0.2.7 four\n127.0.0.1 localhost\n",
                          .script = "printf '" + search.resolv_conf + "' > /etc/resolv.conf\n"};
    CHECK_IN_NETWORK(in_network(network, [&] { return both(search); }), search.found);
}

constexpr auto kA = DnsServer::a;
constexpr auto kAaaa = DnsServer::aaaa;
const std::string kOne = "192.0.2.5 ", kOther = "2001:db8::5 ";
const std::vector<std::string> kIpv4{"192.0.2.5"}, kIpv6{"2001:db8::5"};

}  // namespace

TEST_CASE("resolver search: both families use the first name that has addresses") {
    const Zone stranger{{{"www.a.test", kA}, kIpv4}, {{"www.a.test.wild.test", kAaaa}, kIpv6}};
    check({"search wild.test\\n", "www.a.test", stranger, kOne});
    const Zone two{{{"host.a.test", kAaaa}, kIpv6}, {{"host.b.test", kA}, kIpv4}};
    check({"search a.test b.test\\n", "host", two, kOther});
    check({"search b.test a.test\\n", "host", two, kOne});
    check({"search c.test a.test\\n", "host", two, kOther});
    check({"search a.test b.test\\n", "host", two, kOne, {"host.a.test"}});
}

TEST_CASE("resolver search: domain, ndots, trailing dots, and the root in the list") {
    const Zone zone{{{"host", kA}, kIpv4}, {{"host.a.test", kAaaa}, kIpv6}};
    check({"search .\\n", "host", zone, kOne});
    check({"search . a.test\\n", "host", zone, kOne});
    check({"search a.test .\\n", "host", zone, kOther});
    check({"search a.test\\n", "host.", zone, kOne});
    check({"search a.test.\\n", "host", zone, kOther});
    check({"search b.test\\ndomain a.test\\n", "host", zone, kOther});
    check({"search a.test\\noptions ndots:0\\n", "host", zone, kOne});
    check({"search b.test\\n", "host", zone, kOne});
    check({"search b.test\\noptions no-tld-query\\n", "host", zone, "none"});
    const Zone dotted{{{"www.sub", kA}, kIpv4}, {{"www.sub.a.test", kAaaa}, kIpv6}};
    check({"search a.test\\n", "www.sub", dotted, kOne});
    check({"search a.test\\noptions ndots:2\\n", "www.sub", dotted, kOther});
}

TEST_CASE("resolver search: the environment, missing servers, and the hosts file") {
    const Zone zone{{{"host", kA}, kIpv4}, {{"host.a.test", kAaaa}, kIpv6}, {{"four", kA}, kIpv4}};
    check({"search b.test\\n", "host", zone, kOther, {}, "a.test"});
    check({"search a.test\\n", "host", zone, kOne, {}, nullptr, "ndots:0"});
    check({"nameserver 127.0.0.9\\nnameserver 127.0.0.1\\nsearch a.test\\n", "host", zone, kOther});
    for (const char* server : {"::1", "fe80::1%%lo"})
        check({"nameserver " + std::string(server) + "\\nnameserver 127.0.0.1\\nsearch a.test\\n",
               "host", zone, kOther});
    check({"search a.test\\noptions rotate\\n", "host", zone, kOther});
    check({"search a.test\\n", "FOUR", zone, "192.0.2.7 "});
    check({"", "four.", zone, kOne});
    check({"", "localhost", zone, "127.0.0.1 "});
}

TEST_CASE("resolver search: timeout, attempts and no-aaaa of resolv.conf apply") {
    const Network network{.script =
                              "echo 'options timeout:1 attempts:1 no-aaaa' >> /etc/resolv.conf\n"};
    CHECK_IN_NETWORK(in_network(network,
                                []() -> std::string {
                                    DnsServer server;
                                    const auto began = Clock::now();
                                    const std::string told = by_reactor("a.test");
                                    const auto took = Clock::now() - began;
                                    server.answer();
                                    for (const auto& [name, type] : server.asked)
                                        if (type == kAaaa) return "asked for IPv6";
                                    if (took < 900ms) return "too soon";
                                    return took < 4s ? told : "late";
                                }),
                     "none");
}

// The services over UDP: each datagram is a question, which is answered as the RFC requires.
#include <doctest/doctest.h>

#include <set>
#include <switchboard/inetd_datagram.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/testing/memory_datagrams.hpp>

using namespace switchboard;
using namespace std::chrono;
using testing::MemoryNetwork;

namespace {

constexpr WallTime kLanding = sys_days(July / 20 / 1969) + 20h + 17min + 40s;
const Endpoint kService = Endpoint::udp("10.0.0.1", 7000);
const Endpoint kAsker = Endpoint::udp("10.0.0.2", 5000);

using Texts = std::vector<std::string>;

std::unique_ptr<DatagramProtocol> service(std::string_view name) {
    Registry registry;
    register_inetd(registry, [] { return kLanding; });
    auto made = registry.make_datagram(name, {}, {});
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return std::move(*made);
}

// Returns the answers to each of `questions`, from a service that must not end.
Texts ask(std::unique_ptr<DatagramProtocol> protocol, const Texts& questions,
          const Endpoint& asker = kAsker) {
    MemoryNetwork network;
    auto& socket = network.open(std::move(protocol), kService);
    auto& host = network.host(asker);
    for (const std::string& question : questions) {
        host.send(kService, question);
        network.run();
    }
    network.advance(hours(1));
    CHECK_FALSE(socket.closed());
    for (const auto& each : host.received()) CHECK(each.from == kService);
    return host.take_received();
}

}  // namespace

TEST_CASE("echo over UDP: returns every datagram unchanged, also an empty one") {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    const Texts questions{"hello", "", all, std::string(65'507, 'x')};
    CHECK(ask(service("echo"), questions) == questions);
}

TEST_CASE("echo over UDP: replies go to the right client under all simulated faults") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        MemoryNetwork network(
            testing::DatagramFaults{.seed = seed, .loss = 0.1, .duplicate = 0.1, .reorder = true});
        network.open(service("echo"), kService);
        std::set<std::string> sent[2];
        testing::MemoryHost* hosts[] = {&network.host(kAsker),
                                        &network.host(kAsker.with_port(5001))};
        for (std::size_t i = 0; i < 100; ++i) {
            const std::string text = std::to_string(i);
            sent[i % 2].insert(text);
            hosts[i % 2]->send(kService, text);
        }
        network.run();
        for (std::size_t h = 0; h < 2; ++h) {
            CHECK(hosts[h]->received().size() > 10);
            for (const auto& each : hosts[h]->received()) CHECK(sent[h].contains(each.data));
        }
    }
}

TEST_CASE("discard over UDP sends nothing") {
    CHECK(ask(service("discard"), {"a", "", std::string(1000, 'x')}).empty());
}

TEST_CASE("chargen over UDP: a random number of 0 to 512 characters of the lines of RFC 864") {
    std::string pattern;
    for (std::size_t line = 0; line < 95; ++line) {
        for (std::size_t i = 0; i < 72; ++i) pattern += static_cast<char>(32 + (line + i) % 95);
        pattern += "\r\n";
    }
    pattern += pattern.substr(0, 512);
    const Texts answers = ask(std::make_unique<ChargenDatagrams>(7), Texts(2000, "?"));
    REQUIRE(answers.size() == 2000);
    std::set<std::size_t> sizes;
    for (const std::string& answer : answers) {
        REQUIRE(answer.size() <= 512);
        REQUIRE(pattern.find(answer) != std::string::npos);
        sizes.insert(answer.size());
    }
    CHECK(sizes.size() > 400);
    CHECK(*sizes.begin() < 10);
    CHECK(*sizes.rbegin() > 502);
    CHECK(answers == ask(std::make_unique<ChargenDatagrams>(7), Texts(2000, "?")));
    CHECK(answers != ask(std::make_unique<ChargenDatagrams>(8), Texts(2000, "?")));
}

TEST_CASE("daytime and time over UDP: one reply per datagram, whatever it contains") {
    CHECK(ask(service("daytime"), {"", "when?"}) ==
          Texts(2, "Sunday, July 20, 1969 20:17:40-UTC\r\n"));
    const std::string moon{'\x82', '\xd2', '\x14', '\x64'};
    CHECK(ask(service("time"), {"", "when?"}) == Texts(2, moon));
}

TEST_CASE("qotd over UDP: one quote of fewer than 512 characters") {
    CHECK(ask(service("qotd"), {""}) == Texts{std::string(quote_of(kLanding)) + "\r\n"});
    const std::string endless(600, 'q');
    const Texts cut =
        ask(std::make_unique<QotdDatagrams>([&] { return std::string_view(endless); }), {"?"});
    REQUIRE(cut.size() == 1);
    CHECK(cut[0] == std::string(509, 'q') + "\r\n");
}

TEST_CASE(
    "inetd over UDP: datagrams from a service's port get no reply, to prevent endless loops") {
    for (const std::string name : {"echo", "chargen", "daytime", "time", "qotd"}) {
        CAPTURE(name);
        for (const int port : {7, 13, 17, 19, 37}) {
            CAPTURE(port);
            const Endpoint asker = kAsker.with_port(static_cast<std::uint16_t>(port));
            CHECK(ask(service(name), {"x"}, asker).empty());
        }
        CHECK(ask(service(name), {"x"}, kAsker.with_port(38)).size() == 1);
    }
    CHECK_FALSE(may_be_answered(DatagramAddress()));
}

TEST_CASE("registry: a protocol without datagrams is refused for UDP, and options are checked") {
    Registry registry;
    register_inetd(registry, [] { return kLanding; });
    registry.add({.name = "streams",
                  .summary = "has no other form",
                  .options = {},
                  .make = registry.find("echo")->make});
    registry.add({.name = "datagrams",
                  .summary = "has no other form",
                  .options = {},
                  .make_datagram = registry.find("echo")->make_datagram});
    const auto complaint = [](const auto& made) {
        REQUIRE_FALSE(made.has_value());
        return made.error().message();
    };
    CHECK(complaint(registry.make_datagram("streams", {}, {})) ==
          "streams: does not support datagrams (udp): not supported here");
    CHECK(complaint(registry.make("datagrams", {}, {})) ==
          "datagrams: does not support streams: not supported here");
    CHECK(registry.make_datagram("nothing", {}, {}).error() == errc::unknown_protocol);
    const Options wrong(Options::Map{{"size", "1"}});
    CHECK(complaint(registry.make_datagram("echo", wrong, {})).find("echo: option size") == 0);
}

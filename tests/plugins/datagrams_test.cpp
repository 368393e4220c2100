// Datagrams of plugins: each call with a socket and each callback, without sockets.
#include <set>
#include <switchboard/testing/memory_datagrams.hpp>

#include "plugins.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using testing::MemoryNetwork;

namespace {

const Endpoint kPlugin = Endpoint::udp("10.0.0.1", 7000);
const Endpoint kClient = Endpoint::udp("10.0.0.2", 5000);

using Sent = std::vector<std::string>;

std::unique_ptr<DatagramProtocol> datagrams_of(const Registry& registry, const std::string& name,
                                               Options::Map options = {}) {
    auto made = registry.make_datagram(name, Options(std::move(options)), {});
    REQUIRE_MESSAGE(made, made.error().message());
    return std::move(*made);
}

struct DatagramPlugin {
    explicit DatagramPlugin(const std::string& object = "datagrams",
                            const std::string& name = "datagrams",
                            const DatagramLimits& limits = {}) {
        test::load_from(folder.copy(object, "plugin"), *registry, log.sink());
        socket = &network->open(datagrams_of(*registry, name), kPlugin, limits);
        client = &network->host(kClient);
        network->run();
    }
    Sent send(std::string_view text) {
        client->send(kPlugin, text);
        network->run();
        return client->take_received();
    }

    test::PluginFolder folder;
    test::PluginLog log;
    std::optional<Registry> registry = std::make_optional<Registry>();
    std::optional<MemoryNetwork> network = std::make_optional<MemoryNetwork>();
    testing::MemorySocket* socket;
    testing::MemoryHost* client;
};

}  // namespace

TEST_CASE("plugins, datagrams in C: each way to send") {
    DatagramPlugin host;
    CHECK(host.send("echo") == Sent{"echo"});
    CHECK(host.send("") == Sent{""});
    CHECK(host.send(std::string(65'507, 'x').replace(0, 1, "e")).at(0).size() == 65'507);
    CHECK(host.send("p") == Sent{"abcdefghijklmnopqrst"});
    CHECK(host.send("x").empty());
    CHECK(test::count(host.log.text(),
                      "3 plugin datagrams: send() to an address that is damaged") == 2);
    CHECK_FALSE(host.socket->closed());
}

TEST_CASE("plugins, datagrams in C: names, addresses, options and groups") {
    DatagramPlugin host;
    CHECK(host.send("?") == Sent{"udp://10.0.0.1:7000||udp://10.0.0.2:5000|5000|1 3|1|1|0"});
    CHECK(host.send("o") == Sent{"0 0;0 0;0 0;0 0;3 17;3 17;"});
    CHECK(host.send("j") == Sent{"0 0 1 22"});
    CHECK(test::has(host.log.text(), "0 plugin datagrams: open udp://10.0.0.1:7000\n"));
}

TEST_CASE("plugins, datagrams in C: the deadline") {
    DatagramPlugin host;
    host.send("d");
    host.network->advance(4ms);
    CHECK(host.client->take_received().empty());
    host.network->advance(1ms);
    CHECK(host.client->take_received() == Sent{"deadline"});
    host.send("d");
    host.send("D");
    host.network->advance(1s);
    CHECK(host.client->take_received().empty());
}

TEST_CASE("plugins, datagrams in C: each way to end, and what comes after it") {
    DatagramPlugin closed;
    CHECK(closed.send("c").empty());
    CHECK(closed.socket->closed());
    CHECK_FALSE(closed.socket->close_reason());
    closed.network.reset();
    CHECK(closed.log.text() ==
          "0 plugin datagrams: open udp://10.0.0.1:7000\n0 plugin datagrams: closed: 0 0\n"
          "0 plugin datagrams: destroyed\n0 plugin datagrams: released\n");

    DatagramPlugin aborted;
    aborted.send("a");
    CHECK(aborted.socket->close_reason().category().name() == std::string("datagrams"));
    CHECK(test::has(aborted.log.text(), "closed: 16 3\n"));

    DatagramPlugin failed;
    failed.send("f");
    CHECK(failed.socket->close_reason() == errc::handler_failed);
    CHECK(test::has(failed.socket->failure(), "cannot?go on"));

    DatagramPlugin stopped;
    stopped.network.reset();
    CHECK(test::has(stopped.log.text(), "closed: 3 11\n"));
}

TEST_CASE("plugins, datagrams in C: one that closes gets no more datagrams of the batch") {
    DatagramPlugin host;
    for (const char* text : {"e1", "c", "e2"}) host.client->send(kPlugin, text);
    host.network->run();
    CHECK(host.client->take_received() == Sent{"e1"});
}

TEST_CASE("plugins, datagrams in C: a full queue, and on_writable after it") {
    DatagramPlugin host("datagrams", "datagrams", {.high_water = 1000, .low_water = 500});
    host.socket->block(true);
    for (int i = 0; i < 3; ++i) host.client->send(kPlugin, std::string(600, 'e'));
    host.network->run();
    CHECK(test::has(host.log.text(), "0 plugin datagrams: full\n"));
    CHECK_FALSE(test::has(host.log.text(), "writable"));
    host.socket->block(false);
    host.network->run();
    CHECK(test::has(host.log.text(), "full\n0 plugin datagrams: writable\n"));
    CHECK(host.client->take_received().size() == 3);
}

TEST_CASE("plugins, datagrams in C: errors come with their peer and size") {
    DatagramPlugin host;
    host.socket->fail_sends(std::make_error_code(std::errc::network_unreachable));
    host.send("echo");
    CHECK_MESSAGE(test::has(host.log.text(),
                            "error 2 101 of udp://10.0.0.2:5000, size 4, count 1, earlier 0\n"),
                  host.log.text());
}

TEST_CASE("plugins, datagrams in C: a call with a socket that has ended does nothing") {
    DatagramPlugin host;
    host.send("k");
    host.send("c");
    REQUIRE(host.socket->closed());
    const Endpoint second = kPlugin.with_port(7001);
    host.network->open(datagrams_of(*host.registry, "datagrams"), second);
    host.client->send(second, "K");
    host.network->run();
    for (const char* call : {"send", "close_socket", "set_socket_deadline", "socket_failed"})
        CHECK(test::has(host.log.text(), "3 plugin datagrams: " + std::string(call) +
                                             "() with a socket that has ended\n"));
    CHECK_FALSE(test::has(host.log.text(), "not closing"));
    host.client->send(second, "e");
    host.network->run();
    CHECK(host.client->take_received() == Sent{"e"});
}

TEST_CASE("plugins, datagrams in C: null callbacks do what DatagramProtocol does") {
    DatagramPlugin host("datagrams", "plain");
    CHECK(host.send("two").empty());
    host.socket->fail_sends(std::make_error_code(std::errc::network_unreachable));
    CHECK_FALSE(host.socket->closed());
    host.send("1");  // sets a deadline that has passed
    host.network->advance(1ms);
    CHECK(host.socket->close_reason() == std::errc::timed_out);
}

TEST_CASE("plugins, datagrams: what has no streams, and a create() that refuses, are errors") {
    DatagramPlugin host;
    const auto streams = host.registry->make("datagrams", {}, {});
    REQUIRE_FALSE(streams);
    CHECK(streams.error().message() == "datagrams: does not support streams: not supported here");
    const auto refused =
        host.registry->make_datagram("datagrams", Options(Options::Map{{"number", "13"}}), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() ==
          "datagrams: create() refused the socket: the protocol handler failed");
    Registry registry;
    test::load_from(test::plugin_path("echo"), registry);
    CHECK(registry.make_datagram("echo-c", {}, {}).error() == errc::unsupported);
}

TEST_CASE("plugins, datagrams in C++: those of this library are a plugin without a change") {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    DatagramPlugin echo("inetd", "echo");
    for (const std::string& each : {std::string("hello"), std::string(), all}) {
        CHECK(echo.send(each) == Sent{each});
    }
    CHECK(DatagramPlugin("inetd", "discard").send("x").empty());
    CHECK(test::has(DatagramPlugin("inetd", "daytime").send("").at(0), "-UTC\r\n"));
    CHECK(DatagramPlugin("inetd", "time").send("").at(0).size() == 4);
    CHECK(DatagramPlugin("inetd", "chargen").send("").size() == 1);
    CHECK(DatagramPlugin("inetd", "qotd").send("").at(0).ends_with("\r\n"));
}

TEST_CASE("plugins, datagrams: replies go to the right client under all simulated faults") {
    const test::PluginFolder folder;
    Registry registry;
    test::load_from(folder.copy("inetd", "inetd"), registry);
    test::load_from(folder.copy("datagrams", "datagrams"), registry);
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        MemoryNetwork network(
            testing::DatagramFaults{.seed = seed, .loss = 0.1, .duplicate = 0.1, .reorder = true});
        network.open(datagrams_of(registry, seed % 2 == 0 ? "echo" : "datagrams"), kPlugin);
        std::set<std::string> sent[2];
        testing::MemoryHost* hosts[] = {&network.host(kClient),
                                        &network.host(kClient.with_port(5001))};
        for (std::size_t i = 0; i < 100; ++i) {
            const std::string text = "e" + std::to_string(i);
            sent[i % 2].insert(text);
            hosts[i % 2]->send(kPlugin, text);
        }
        network.run();
        for (std::size_t h = 0; h < 2; ++h) {
            CHECK(hosts[h]->received().size() > 10);
            for (const auto& each : hosts[h]->received()) CHECK(sent[h].contains(each.data));
        }
    }
}

TEST_CASE("plugins, datagrams in C++: what a DatagramSocket offers passes through") {
    DatagramPlugin host("services", "mirror");
    CHECK(host.send("hello") == Sent{"hello"});
    CHECK(host.send("pieces") == Sent{"abcdefghijklmnopqrst"});
    CHECK(host.send("who") == Sent{"udp://10.0.0.1:7000  udp://10.0.0.2:5000"});
    CHECK(host.send("options") == Sent{"ok, bad option"});
    CHECK(host.send("join") == Sent{"ok, ok"});
    host.send("wait");
    host.network->advance(5ms);
    CHECK(host.client->take_received() == Sent{"deadline"});
    host.socket->fail_sends(std::make_error_code(std::errc::network_unreachable));
    host.send("lost");
    host.socket->fail_sends({});
    CHECK(host.send("errors") == Sent{"network is unreachable udp://10.0.0.2:5000 4 1"});
    host.send("full");
    CHECK(host.socket->closed());
    CHECK(host.socket->close_reason().message() == "the mirror broke");

    DatagramPlugin thrown("services", "mirror");
    thrown.send("throw");
    CHECK(thrown.socket->close_reason() == errc::handler_failed);
    CHECK(test::has(thrown.socket->failure(), "asked to throw"));
}

TEST_CASE("plugins, datagrams in C++: an error of the maker function has its text") {
    DatagramPlugin host("services", "mirror");
    const auto made =
        host.registry->make_datagram("mirror", Options(Options::Map{{"clean", "no"}}), {});
    REQUIRE_FALSE(made);
    CHECK(test::has(made.error().message(), "clean it first"));
}

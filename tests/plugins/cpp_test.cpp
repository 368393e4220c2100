// Plugins in C++: what a Protocol and its Connection offer passes through the C interface.
#include <fstream>
#include <optional>
#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"
#include "plugins.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

struct KeyValue {
    explicit KeyValue(Options::Map options = {}) {
        info = test::load_from(folder.copy("keyvalue", "keyvalue"), registry, log.sink());
        factory = test::factory_from(registry, "kv", std::move(options));
        peer = &driver.connect(factory);
    }
    std::string send(std::string_view text) {
        peer->send(text);
        driver.run();
        return peer->take_received();
    }

    test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    PluginInfo info;
    ProtocolFactory factory;
    testing::MemoryDriver driver;
    testing::MemoryPeer* peer;
};

}  // namespace

TEST_CASE("plugins in C++: what one says of itself") {
    const KeyValue host;
    CHECK(host.info.path == std::filesystem::canonical(host.folder.path("keyvalue")));
    CHECK(host.info.abi == plugin_abi());
    CHECK(host.info.name == "keyvalue");
    CHECK(host.info.version == "2.1");
    CHECK(host.info.summary == "a key-value store");
    CHECK(host.info.licence.empty());
    REQUIRE(host.info.protocols.size() == 1);
    const auto& options = host.info.protocols[0].options;
    REQUIRE(options.size() == 3);
    CHECK(options[0].usage() == "most=N");
    CHECK(options[0].least == 1);
    CHECK(options[0].most == 1000);
    CHECK(options[1].fallback == "");
    CHECK(options[2].usage() == "mode=fast|safe");
}

TEST_CASE("plugins in C++: requests, a shared buffer, a deadline and a drain") {
    KeyValue host;
    CHECK(host.send("put a 1\nget a\nget b\n") == "ok\n1\nnone\n");
    CHECK(host.send("who\n") == host.peer->connection()->peer().to_string() + "\n");
    host.send("wait\n");
    host.driver.advance(5ms);
    CHECK(host.peer->take_received() == "deadline\n");
    host.driver.drain();
    host.driver.run();
    CHECK(host.peer->take_received() == "bye\n");
    host.driver.advance(1s);
    CHECK(host.peer->closed());
}

TEST_CASE("plugins in C++: errors keep their meaning on both sides") {
    KeyValue full;
    full.send("full\n");
    CHECK(full.peer->close_reason().message() == "the store is full");
    CHECK(full.peer->close_reason().category().name() == std::string("keyvalue"));
    KeyValue late;
    late.send("late\n");
    CHECK(late.peer->close_reason() == std::errc::timed_out);
    KeyValue large;
    large.send("large\n");
    CHECK(large.peer->close_reason() == errc::message_too_large);
}

TEST_CASE("plugins in C++: an exception ends its own connection, with its text") {
    KeyValue host;
    host.send("throw\n");
    CHECK(host.peer->close_reason() == errc::handler_failed);
    CHECK(host.peer->failure() == "kv: on_data threw: asked to throw");
}

TEST_CASE("plugins in C++: switch_to") {
    KeyValue host;
    CHECK(host.send("shout\nabc") == "ABC");
    host.peer->shutdown_write();
    host.driver.run();
    CHECK(host.peer->closed());
}

TEST_CASE("plugins in C++: options, and an error of the maker function") {
    KeyValue host({{"most", "1"}, {"greeting", "hello\n"}});
    CHECK(host.send("put a 1\nput b 2\n") == "hello\nok\nerror\n");
    const auto rude = host.registry.make("kv", Options(Options::Map{{"greeting", "rude"}}), {});
    REQUIRE_FALSE(rude);
    CHECK(test::has(rude.error().message(), "be polite"));
    CHECK_FALSE(host.registry.make("kv", Options(Options::Map{{"most", "0"}}), {}).has_value());
}

TEST_CASE("plugins in C++: the key-value store passes the conformance kit") {
    const KeyValue host;
    test::conforms(host.factory, "put a 1\nget a\nput b 2\nget b\nget c\nput\nx\n");
}

TEST_CASE("plugins in C++: protocols of this library are a plugin without a change") {
    const test::PluginFolder folder;
    Registry registry;
    const auto info = test::load_from(folder.copy("inetd", "inetd"), registry);
    CHECK(info.protocols.size() == registry.all().size());
    for (const char* echo : {"echo", "coroutine-echo"})
        test::conforms(test::factory_from(registry, echo), test::numbers(300));
    testing::MemoryDriver driver;
    auto& chargen = driver.connect(test::factory_from(registry, "chargen"));
    chargen.set_window(100'000);
    driver.run();
    CHECK(chargen.received().size() == 100'000);
    auto& daytime = driver.connect(test::factory_from(registry, "daytime"));
    driver.run();
    CHECK(test::has(daytime.received(), "-UTC\r\n"));
}

TEST_CASE("plugins in C++: an HTTP server in one serves pages and files") {
    const test::PluginFolder folder;
    const test::TempDir site;
    const std::string content = test::numbers(1'000'000);
    std::ofstream(site / "big", std::ios::binary) << content;
    Registry registry;
    test::load_from(folder.copy("http", "http"), registry);
    testing::MemoryDriver driver;
    const auto get = [&](const ProtocolFactory& server, const std::string& target) {
        auto& peer = driver.connect(server);
        peer.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        driver.run();
        CHECK(peer.closed());
        return peer.take_received();
    };
    const auto files = test::factory_from(registry, "http", {{"root", site.path()}});
    const std::string big = get(files, "/big");
    CHECK(big.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(big.ends_with("\r\n\r\n" + content));
    CHECK(get(files, "/none").starts_with("HTTP/1.1 404 "));
    const std::string page = get(test::factory_from(registry, "hello"), "/");
    CHECK(page.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(page.ends_with("\r\n\r\nHello, world!\n"));
}

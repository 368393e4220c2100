// The services of the reactor, for plugins: each call, each error, and what becomes of what is pending.
#include <optional>
#include <switchboard/live_handle.hpp>

#include "plugins.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// A plugin that listens on a reactor, an echo server as its target, and a client.
struct ReactorPlugin {
    explicit ReactorPlugin(const std::string& object = "reactor",
                           const std::string& name = "reactor", std::string target = "") {
        test::load_from(folder.copy(object, "plugin"), *registry, log.sink());
        echo = test::listen_on(*reactor, test::echo_factory());
        if (target.empty()) target = echo.local.to_string();
        auto made =
            registry->make(name, Options(Options::Map{{"target", target}}), {.reactor = &*reactor});
        REQUIRE_MESSAGE(made, made.error().message());
        listening = test::listen_on(*reactor, std::move(*made));
        client.emplace(listening.local);
    }
    // Sends `text`, and returns what came once that has `size` bytes.
    std::string send(std::string_view text, std::size_t size) {
        REQUIRE(client->send(text) == text.size());
        client->read_until(*reactor, size);
        return std::exchange(client->received, {});
    }
    std::string send(std::string_view text, std::string_view like) {
        return send(text, like.size());
    }
    void run_until_logged(const std::string& text, std::size_t times = 1) {
        test::run_until(*reactor, [&] { return test::count(log.text(), text) >= times; });
    }
    // Ends the use: closes the listener and the connection.
    void end_use() {
        reactor->close(listening.id);
        client.reset();
        run_until_logged("plugin reactor: released");
    }

    test::PluginFolder folder;
    test::PluginLog log;
    std::optional<Registry> registry = std::make_optional<Registry>();
    std::optional<Reactor> reactor = std::make_optional<Reactor>();
    Listening echo, listening;
    std::optional<test::FarEnd> client;
};

std::string nobody_listens() {
    const Socket gone = listen(test::endpoint("127.0.0.1:0")).value();
    return gone.local()->to_string();
}

}  // namespace

TEST_CASE("plugins, reactor in C: timers, once and again, and cancelled from within") {
    ReactorPlugin host;
    CHECK(host.send("a", "after;") == "after;");
    host.run_until_logged("plugin reactor: after;");
    CHECK(host.send("e", "every;every;every;") == "every;every;every;");
    host.run_until_logged("plugin reactor: every;");
    test::run_for(*host.reactor, 10ms);
    host.client->read();
    CHECK(host.client->received.empty());
}

TEST_CASE("plugins, reactor in C: a connection that has ended is not found any more") {
    ReactorPlugin host;
    REQUIRE(host.client->send("a") == 1);
    host.client.reset();
    host.run_until_logged("plugin reactor: after;");
    CHECK_FALSE(test::has(host.log.text(), "has ended"));
}

TEST_CASE("plugins, reactor in C: posts, from the reactor's thread and from another") {
    ReactorPlugin host;
    CHECK(host.send("np", "post;") == "post;");
    CHECK(host.send("t", 100) == std::string(100, 'T'));
    host.run_until_logged("0 plugin reactor: T\n", 100);
}

TEST_CASE("plugins, reactor in C: work on the pool, and its result") {
    ReactorPlugin host;
    CHECK(host.send("o", "offload 42 0;") == "offload 42 0;");
    host.run_until_logged("plugin reactor: offload");
}

TEST_CASE("plugins, reactor in C: look-ups, and their errors") {
    ReactorPlugin host;
    CHECK(host.send("r", "1 tcp://127.0.0.1:80 0;") == "1 tcp://127.0.0.1:80 0;");
    CHECK(host.send("R", "0  4;") == "0  4;");
    host.run_until_logged("plugin reactor: look", 2);
}

TEST_CASE("plugins, reactor in C: a connection of its own, whose answer goes to the first") {
    ReactorPlugin host;
    const std::string all = "1 0 0;helloclosed 0 0;";
    CHECK(host.send("c", all) == all);
    CHECK(host.send("c", all) == all);
}

TEST_CASE("plugins, reactor in C: what cannot be connected is an error, at once or in on_close") {
    ReactorPlugin host("reactor", "reactor", nobody_listens());
    CHECK(host.send("b", "0 3 16;") == "0 3 16;");    // errc::bad_endpoint
    CHECK(host.send("B", "0 2 22;") == "0 2 22;");    // EINVAL: the table has no on_data
    CHECK(host.send("C", "0 2 125;") == "0 2 125;");  // ECANCELED: create() refuses
    CHECK(test::has(host.log.text(),
                    "3 plugin reactor: connect() with an unusable table: it has no on_data"));
    const std::string refused = "1 0 0;closed 1 111;";
    CHECK(host.send("c", refused) == refused);
}

TEST_CASE("plugins, reactor in C: what is cancelled is released, and its callback does not run") {
    ReactorPlugin host;
    REQUIRE(host.client->send("x") == 1);
    for (const char* each : {"after;", "every;", "offload;", "resolve;"})
        host.run_until_logged("0 plugin reactor: wrong: " + std::string(each));
    test::run_for(*host.reactor, 10ms);
    host.client->read();
    CHECK(host.client->received.empty());
}

TEST_CASE(
    "plugins, reactor in C: the end of a use cancels what is pending, and then the plugin stops") {
    ReactorPlugin host;
    REQUIRE(host.registry->remove("reactor"));
    REQUIRE(host.registry->remove("threads"));
    CHECK(host.send("lp", "post;") == "post;");
    CHECK_FALSE(test::has(host.log.text(), "left: "));
    host.end_use();
    test::run_until(*host.reactor, [&] { return active_handles(*host.reactor).size() == 1; });
    CHECK(test::has(host.log.text(),
                    "released\n0 plugin reactor: left: after\n0 plugin reactor: left: every\n"));
    // In stop() it makes calls with the reactor of that use.
    host.run_until_logged("1 plugin reactor: stopped");
    for (const std::string call : {"after", "post", "find", "connect"})
        CHECK_MESSAGE(test::has(host.log.text(), "3 plugin reactor: " + call +
                                                     "() after the end of the use of that reactor"),
                      host.log.text());
    CHECK(test::has(host.log.text(), "late: after\n"));
    CHECK(test::has(host.log.text(), "late: post\n"));
}

TEST_CASE("plugins, reactor in C: work that runs ends before the plugin stops, and has no done") {
    ReactorPlugin host;
    REQUIRE(host.client->send("w") == 1);
    host.run_until_logged("0 plugin reactor: works\n");
    auto second = host.registry->make("reactor", {}, {.reactor = &*host.reactor});
    REQUIRE(second);
    const auto other = test::listen_on(*host.reactor, std::move(*second));
    test::FarEnd client(other.local);
    host.end_use();
    host.registry.reset();
    CHECK_FALSE(test::has(host.log.text(), "long"));
    REQUIRE(client.send("g") == 1);
    host.run_until_logged("0 plugin reactor: long\n");
    CHECK(test::has(host.log.text(), "0 plugin reactor: worked\n0 plugin reactor: long\n"));
    host.reactor->close(other.id);
    client.socket.close();
    host.run_until_logged("plugin reactor: stopped");
}

TEST_CASE("plugins, reactor in C: the end of the reactor releases all, also while a thread posts") {
    ReactorPlugin host;
    REQUIRE(host.client->send("lrcot") == 5);
    test::run_until(*host.reactor, [&] {
        host.client->read();
        return test::has(host.client->received, "T");
    });
    host.reactor.reset();
    host.registry.reset();
    CHECK(test::count(host.log.text(), "0 plugin reactor: T\n") == 100);
    for (const char* each : {"left: after", "left: every", "look", "offload", "released"})
        CHECK_MESSAGE(test::count(host.log.text(), std::string(each) + "\n") == 1, each);
    CHECK(test::has(host.log.text(), "stopped"));
}

TEST_CASE("plugins, reactor in C: uses are apart from each other") {
    ReactorPlugin host;
    auto second = host.registry->make("reactor", {}, {.reactor = &*host.reactor});
    REQUIRE(second);
    const auto other = test::listen_on(*host.reactor, std::move(*second));
    test::FarEnd client(other.local);
    REQUIRE(client.send("l") == 1);
    CHECK(host.send("p", "post;") == "post;");
    host.end_use();
    CHECK_FALSE(test::has(host.log.text(), "left: "));
    REQUIRE(client.send("p") == 1);
    client.read_until(*host.reactor, 5);
    CHECK(client.received == "post;");
}

TEST_CASE(
    "plugins, reactor: blocking drivers refuse what needs it, and processes what has threads") {
    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    const auto info = test::load_from(folder.copy("reactor", "plugin"), registry, log.sink());
    CHECK(registry.make("reactor", {}, {}).error() == errc::needs_reactor);
    CHECK(registry.make("threads", {}, {}).has_value());
    const auto forked = registry.make("threads", {}, {.forks = true});
    REQUIRE_FALSE(forked);
    CHECK(forked.error().message() ==
          "threads: starts threads, which a driver with processes cannot copy: not supported here");
    REQUIRE(info.protocols.size() == 2);
    CHECK(info.protocols[0].needs_reactor);
    CHECK(info.protocols[0].starts_threads);
    CHECK(info.protocols[0].streams);
    CHECK_FALSE(info.protocols[0].datagrams);
    CHECK_FALSE(info.protocols[1].needs_reactor);
    CHECK(log.text() == "1 plugin reactor: 0.1.0\n");
}

TEST_CASE("plugins, reactor in C++: each service, as a HostReactor") {
    ReactorPlugin host("services", "asker");
    CHECK(host.send("after", "after") == "after");
    CHECK(host.send("every", "everyevery") == "everyevery");
    CHECK(host.send("post", "post") == "post");
    CHECK(host.send("offload", "42") == "42");
    CHECK(host.send("fail", "0 failed") == "0 failed");
    CHECK(host.send("resolve", "tcp://127.0.0.1:80") == "tcp://127.0.0.1:80");
    CHECK(host.send("unknown", "look up 127.0.0.1") == "look up 127.0.0.1");
    CHECK(host.send("question", "question") == "question");
    CHECK(host.send("nowhere", "connect udp://127.0.0.1:1") == "connect udp://127.0.0.1:1");
    REQUIRE(host.client->send("throw") == 5);
    host.run_until_logged("a callback on the reactor threw: thrown in a post");
    CHECK(host.send("post", "post") == "post");
}

TEST_CASE("plugins, reactor in C++: the longest time does not come, and a negative one is over") {
    ReactorPlugin host("services", "asker");
    CHECK(host.send("never", "at once;") == "at once;");
}

TEST_CASE("plugins, reactor in C++: a connect that fails later ends in on_close") {
    ReactorPlugin host("services", "asker", nobody_listens());
    CHECK(host.send("question", "refused") == "refused");
}

TEST_CASE("plugins, reactor in C++: a protocol that wants a Reactor is refused") {
    Registry registry;
    const auto loaded = load_plugin(test::plugin_path("needs_reactor"), registry);
    REQUIRE_FALSE(loaded);
    CHECK(test::has(loaded.error().message(),
                    "wants: needs a Reactor, which a plugin does not have"));
}

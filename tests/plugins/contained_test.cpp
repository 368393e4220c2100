// Plugins that do wrong while they serve: each costs its own connection, and says what it did.
#include <optional>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/testing/memory.hpp>

#include "plugins.hpp"

using namespace switchboard;

namespace {

// A broken plugin and the echo of the host, on one driver.
struct BrokenHost {
    explicit BrokenHost(const char* kind) {
        ::setenv("BROKEN", kind, 1);
        registry.emplace();
        test::load_from(folder.copy("broken", "broken"), *registry, log.sink());
    }
    ~BrokenHost() { ::unsetenv("BROKEN"); }

    testing::MemoryPeer& connect() {
        return driver->connect(test::factory_from(*registry, "broken"));
    }
    // Sends a few bytes and then FIN. Then another connection, to a protocol of the host, must be served.
    testing::MemoryPeer& serve(testing::MemoryPeer& peer) {
        auto& other = driver->connect(factory_of<Echo>());
        peer.send("hello");
        other.send("other");
        driver->run();
        CHECK(other.received() == "other");
        CHECK_FALSE(other.closed());
        return peer;
    }

    test::PluginFolder folder;
    test::PluginLog log;
    std::optional<Registry> registry;
    std::optional<testing::MemoryDriver> driver = std::make_optional<testing::MemoryDriver>();
};

}  // namespace

TEST_CASE("plugins: a callback that fails ends its own connection, with its text") {
    struct Failing {
        const char* kind;
        const char* failure;
    };
    constexpr Failing kFailing[] = {{"on_data_throws", "on_data threw: thrown for on_data_throws"},
                                    {"throws_a_number", "on_data threw"},
                                    {"claims_more", "on_data used 6 of 5 bytes"},
                                    {"gives_up", "on_data threw: cannot go on"}};
    for (const Failing& each : kFailing) {
        CAPTURE(each.kind);
        BrokenHost host(each.kind);
        const auto& peer = host.serve(host.connect());
        CHECK(peer.closed());
        CHECK(peer.close_reason() == errc::handler_failed);
        CHECK_MESSAGE(test::has(peer.failure(), each.failure), peer.failure());
    }
}

TEST_CASE("plugins: a create() that refuses or throws costs one connection") {
    for (const char* kind : {"create_refuses", "create_throws"}) {
        CAPTURE(kind);
        BrokenHost host(kind);
        const ProtocolFactory factory = test::factory_from(*host.registry, "broken");
        if (std::string(kind) == "create_refuses")
            CHECK(factory() == nullptr);
        else
            CHECK_THROWS_WITH(factory(), "thrown for create_throws");
    }
}

TEST_CASE("plugins: a callback that must not throw and does is logged") {
    for (const std::string name : {"on_close", "destroy", "is_busy"}) {
        CAPTURE(name);
        BrokenHost host((name + "_throws").c_str());
        auto& peer = host.serve(host.connect());
        CHECK(peer.received() == "hello");
        host.driver->drain();
        host.driver->advance(std::chrono::seconds(10));
        CHECK(peer.closed());
        CHECK_FALSE(peer.close_reason());
        CHECK_MESSAGE(
            test::has(host.log.text(), "plugin broken: " + name + "() threw, which it must not"),
            host.log.text());
    }
}

TEST_CASE("plugins: reads_under_backpressure() that throws is logged") {
    BrokenHost host("backpressure_throws");
    auto& peer = host.connect();
    peer.set_window(0);
    peer.send(std::string(1024 * 1024, 'x'));
    host.driver->run();
    CHECK(test::has(host.log.text(), "reads_under_backpressure() threw, which it must not"));
    CHECK_FALSE(peer.closed());
}

TEST_CASE("plugins: a call with a connection that has ended does nothing, and is logged") {
    BrokenHost host("writes_late");
    auto& first = host.serve(host.connect());
    first.shutdown_write();
    host.driver->run();
    CHECK(first.closed());
    // A new connection must not be taken for the one that has ended.
    auto& second = host.serve(host.connect());
    CHECK(second.received() == "hello");
    CHECK(first.received() == "hello");
    CHECK(
        test::has(host.log.text(), "3 plugin broken: write() with a connection that has ended\n"));
}

TEST_CASE("plugins: configure() that fails or throws is the error of the option") {
    const auto problem_of = [](const char* kind) {
        const BrokenHost host(kind);
        const auto made = host.registry->make("broken", Options(), {});
        return made ? "" : made.error().message();
    };
    CHECK(problem_of("configure_fails") == "broken: no such table: bad option");
    CHECK(problem_of("configure_throws") ==
          "broken: configure() threw: thrown for configure_throws: the protocol handler failed");
}

TEST_CASE("plugins: release() and stop() that throw are logged") {
    for (const std::string name : {"release", "stop"}) {
        CAPTURE(name);
        BrokenHost host((name + "_throws").c_str());
        host.serve(host.connect());
        host.driver.reset();
        host.registry.reset();
        CHECK_MESSAGE(test::has(host.log.text(), "3 plugin broken: " + name + "() threw"),
                      host.log.text());
    }
}

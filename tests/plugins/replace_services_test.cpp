// Replacing plugins that use reactors, and plugins that have datagram sockets.
#include <optional>
#include <switchboard/plugin_set.hpp>
#include <switchboard/reactor_group.hpp>
#include <thread>

#include "../programs/server.hpp"
#include "versions.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// The plugin `reactor` on two reactors, each of which has a use of its own.
struct ReactorsHost {
    explicit ReactorsHost(std::chrono::milliseconds reactor_timeout = 10s)
        : plugins(registry, {.log = log.sink(), .reactor_timeout = reactor_timeout}) {
        REQUIRE(plugins.load(folder.copy("reactor", "first")));
        const auto listening = group.listen(
            Endpoint::tcp("127.0.0.1", 0), ReactorGroup::MakeFactory([this](Reactor& reactor) {
                return registry.make("reactor", Options(), {.reactor = &reactor});
            }));
        REQUIRE_MESSAGE(listening, listening.error().message());
        local = listening->local;
    }
    ~ReactorsHost() {
        group.stop();
        if (thread.joinable()) thread.join();
    }
    void run() {
        thread = std::thread([this] { group.run(); });
    }
    // A connection whose commands are answered.
    Socket connect() const {
        auto socket = switchboard::connect(local);
        REQUIRE(socket);
        check(*socket);
        return std::move(*socket);
    }
    static void check(const Socket& socket) {
        REQUIRE(socket.send_all(as_bytes("po")));
        CHECK(programs::receive(socket, 18).size() == 18);
    }
    bool eventually_logged(const std::string& text, std::size_t times) const {
        return support::eventually([&] { return test::count(log.text(), text) >= times; });
    }

    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    PluginSet plugins;
    ReactorGroup group{2};
    std::thread thread;
    Endpoint local;
};

}  // namespace

TEST_CASE("plugins: a plugin that uses reactors is replaced, and its old connections go on") {
    ReactorsHost host;
    host.run();
    std::optional<Socket> stays = host.connect();
    REQUIRE(stays->send_all(as_bytes("l")));  // two timers that never fire
    const auto replaced = host.plugins.replace("reactor", host.folder.copy("reactor", "second"));
    REQUIRE_MESSAGE(replaced, replaced.error().message());
    // The use of the reactor without a connection ends. The other one serves.
    CHECK(host.eventually_logged("plugin reactor: released", 1));
    host.check(*stays);
    for (int i = 0; i < 8; ++i) host.connect();
    CHECK_FALSE(test::has(host.log.text(), "plugin reactor: stopped"));
    stays.reset();
    CHECK(host.eventually_logged("plugin reactor: released", 2));
    CHECK(host.eventually_logged("plugin reactor: stopped", 1));
    CHECK(test::has(host.log.text(), "plugin reactor: left: every"));
    CHECK_FALSE(host.plugins.list().at(1).running);
    REQUIRE(host.plugins.unload("reactor"));
    CHECK(host.eventually_logged("plugin reactor: stopped", 2));
}

TEST_CASE("plugins: a replacement fails if the reactor of a factory does not run") {
    ReactorsHost host(100ms);
    const std::string second = host.folder.copy("reactor", "second");
    for (int i = 0; i < 2; ++i) {  // nothing of the first attempt is left
        const auto replaced = host.plugins.replace("reactor", second);
        REQUIRE_FALSE(replaced);
        CHECK(test::has(replaced.error().message(),
                        "protocol reactor: its reactor does not run, or waits for this call"));
    }
    host.run();
    host.connect();
    CHECK(host.plugins.list().size() == 1);
    CHECK_FALSE(test::has(host.log.text(), "released"));  // so no attempt has made a use
}

TEST_CASE("plugins: listeners may close while their plugin is replaced") {
    ReactorsHost host;
    host.run();
    const test::CheckGate gate;
    Result<PluginInfo> replaced = fail(errc::stopping, "");
    std::thread replacing(
        [&] { replaced = host.plugins.replace("reactor", host.folder.copy("reactor", "second")); });
    CHECK(host.eventually_logged("plugin reactor: checking", 1));
    host.group.stop_accepting();
    // The reactors end the uses, each with both versions.
    CHECK(host.eventually_logged("plugin reactor: released", 4));
    gate.open();
    replacing.join();
    CHECK_MESSAGE(replaced, replaced.error().message());
    CHECK(host.eventually_logged("plugin reactor: stopped", 1));
    REQUIRE(host.plugins.unload("reactor"));
    CHECK(host.eventually_logged("plugin reactor: stopped", 2));
}

TEST_CASE("plugins: a plugin that has a datagram socket is not replaced, but can be unloaded") {
    const test::PluginFolder folder;
    Registry registry;
    PluginSet plugins(registry);
    REQUIRE(plugins.load(folder.copy("datagrams", "first")));
    auto socket = registry.make_datagram("datagrams", Options(), {});
    REQUIRE(socket);
    const std::string second = folder.copy("datagrams", "second");
    const auto refused = plugins.replace("datagrams", second);
    REQUIRE_FALSE(refused);
    CHECK(test::has(refused.error().message(),
                    "the version in use has a datagram socket, which stays on that version"));
    socket->reset();
    REQUIRE(plugins.replace("datagrams", second));
    socket = registry.make_datagram("datagrams", Options(), {});
    REQUIRE(socket);
    REQUIRE(plugins.unload("datagrams"));
    CHECK(plugins.list().at(1).running);
    socket->reset();
    CHECK_FALSE(plugins.list().at(1).running);
}

// A plugin is replaced again and again while clients use it.
#include <atomic>
#include <switchboard/plugin_set.hpp>
#include <switchboard/reactor_group.hpp>
#include <thread>

#include "../programs/server.hpp"
#include "versions.hpp"

using namespace switchboard;

namespace {

constexpr int kReplacements = 100;

// Two reactors, on threads of their own, that serve the protocol of a plugin.
struct ReplacedHost {
    explicit ReplacedHost(const std::string& of) : plugin(of) {
        install(0);
        REQUIRE(plugins.load(path()));
        auto listening =
            group.listen(Endpoint::tcp("127.0.0.1", 0), test::factory_from(registry, "version"));
        REQUIRE(listening);
        local = listening->local;
        thread = std::thread([this] { group.run(); });
    }
    ~ReplacedHost() {
        group.stop();
        thread.join();
    }

    std::string path() const { return folder.path("version"); }
    void install(int number) const { test::install_version(plugin, number, path()); }
    Socket connect() const {
        auto socket = switchboard::connect(local);
        REQUIRE(socket);
        return std::move(*socket);
    }

    const std::string plugin;
    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    PluginSet plugins{registry, {.log = log.sink()}};
    ReactorGroup group{2};
    std::thread thread;
    Endpoint local;
};

// Exchanges one message on a connection of its own. Returns the number of the version that served it, or -1
// if anything was lost.
int exchange_once(const Endpoint& with, const std::string& message) {
    const auto socket = connect(with);
    if (!socket || !socket->send_all(as_bytes(message)) || !socket->shutdown_write()) return -1;
    const std::string reply = test::receive_all(*socket);
    const std::string version = test::version_text(0);
    if (reply.size() != version.size() + message.size()) return -1;
    if (reply.substr(version.size()) != message) return -1;
    return std::stoi(reply.substr(version.size() - 3, 3));
}

struct Clients {
    std::atomic<bool> over = false;
    std::atomic<int> exchanges = 0, lost = 0, backwards = 0;

    // Connects, exchanges and closes, until it is over. The version must never go back.
    void run(const Endpoint& with) {
        for (int last = 0; !over; ++exchanges) {
            const int version =
                exchange_once(with, test::numbers(static_cast<std::size_t>(exchanges % 3000) + 1));
            if (version < 0) ++lost;
            if (version >= 0 && version < last) ++backwards;
            last = std::max(last, version);
        }
    }
};

// Whether all retired versions are stopped but the one that a connection is still on. A connection is counted
// a little longer than it keeps its version running.
bool only_first_is_held(const PluginSet& plugins) {
    std::size_t held = 0;
    for (const PluginVersion& each : plugins.list())
        if (each.retired && (each.running || each.connections > 0)) ++held;
    return held == 1;
}

void check_versions(const std::vector<PluginVersion>& versions) {
    REQUIRE(versions.size() == kReplacements + 1);
    CHECK_FALSE(versions[0].retired);
    CHECK(versions[0].version == test::version_text(kReplacements));
    CHECK(versions[1].version == test::version_text(0));
    CHECK(versions[1].retired);
    CHECK(versions[1].running);
    CHECK(versions[1].connections == 1);
    CHECK(versions[1].mapped > 0);
    std::size_t stopped = 0;
    for (std::size_t i = 2; i < versions.size(); ++i)
        if (!versions[i].running && versions[i].connections == 0) ++stopped;
    CHECK(stopped == kReplacements - 1);
}

void replace_under_load(const std::string& plugin) {
    ReplacedHost host(plugin);
    const Socket stays = host.connect();
    CHECK(programs::receive(stays, 11) == test::version_text(0));
    Clients clients;
    std::thread first([&] { clients.run(host.local); });
    std::thread second([&] { clients.run(host.local); });
    for (int i = 1; i <= kReplacements; ++i) {
        host.install(i);
        const auto replaced = host.plugins.replace("version", host.path());
        CHECK_MESSAGE(replaced, replaced.error().message());
        // Each version serves at least one connection of the clients.
        const int seen = clients.exchanges;
        CHECK(support::eventually([&] { return clients.exchanges > seen + 2; }));
        CHECK(exchange_once(host.local, "now") == i);
    }
    clients.over = true;
    first.join();
    second.join();
    CHECK(clients.lost == 0);
    CHECK(clients.backwards == 0);
    CHECK(support::eventually([&] { return only_first_is_held(host.plugins); }));
    check_versions(host.plugins.list());
    CHECK(programs::round_trip(stays, "still on the first") == "still on the first");
    MESSAGE(plugin, ": ", clients.exchanges.load(), " exchanges, ", clients.lost.load(), " lost");
}

}  // namespace

TEST_CASE("plugins: 100 replacements of a plugin in C lose no exchange, and one connection stays") {
    replace_under_load("version");
}

TEST_CASE(
    "plugins: 100 replacements of a plugin in C++ lose no exchange, and one connection stays") {
    replace_under_load("versions");
}

// PluginSet: load, unload and list.
#include <unistd.h>
#include <optional>
#include <set>
#include <switchboard/plugin_set.hpp>
#include <switchboard/testing/memory.hpp>
#include <thread>

#include "broken.hpp"
#include "descriptors.hpp"
#include "versions.hpp"

using namespace switchboard;

namespace {

// A set with version 0 of the plugin `version`, and an in-memory driver.
struct VersionHost {
    VersionHost() {
        install(0);
        const auto loaded = plugins.load(path());
        REQUIRE_MESSAGE(loaded, loaded.error().message());
    }
    std::string path() const { return folder.path("version"); }
    void install(int number) const { test::install_version("version", number, path()); }
    testing::MemoryPeer& connect(const ProtocolFactory& factory) {
        auto& peer = driver.connect(factory);
        driver.run();
        return peer;
    }
    // What a new connection is sent first.
    std::string greeting(const ProtocolFactory& factory) {
        auto& peer = connect(factory);
        peer.shutdown_write();
        driver.run();
        CHECK(peer.closed());
        return peer.received();
    }

    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    PluginSet plugins{registry, {.log = log.sink()}};
    testing::MemoryDriver driver;
};

}  // namespace

TEST_CASE("plugins: what is unloaded leaves the registry, and its connections finish") {
    VersionHost host;
    const Registry copy = host.registry;
    const ProtocolFactory factory = test::factory_from(host.registry, "version");
    auto& stays = host.connect(factory);
    REQUIRE(host.plugins.unload("version"));
    CHECK(host.registry.find("version") == nullptr);
    CHECK(factory() == nullptr);
    const auto late = copy.make("version", Options(), {});
    REQUIRE_FALSE(late);
    CHECK(late.error().message() ==
          "version: its plugin was unloaded: " + make_error_code(errc::unknown_protocol).message());
    CHECK(host.plugins.list().at(0).retired);
    CHECK(host.plugins.list().at(0).running);
    CHECK(host.plugins.list().at(0).connections == 1);
    stays.send("still here");
    host.driver.run();
    CHECK(stays.received() == "version 000still here");
    CHECK_FALSE(test::has(host.log.text(), "version 000"));

    stays.shutdown_write();
    host.driver.run();
    CHECK(stays.closed());
    CHECK(host.log.text() == "1 plugin version: version 000\n");  // what its stop() says
    CHECK_FALSE(host.plugins.list().at(0).running);
    CHECK(host.plugins.list().at(0).connections == 0);
}

TEST_CASE("plugins: a protocol that the program has put in the place of a plugin's stays") {
    VersionHost host;
    REQUIRE(host.registry.remove("version"));
    host.registry.add({.name = "version", .summary = "mine", .make = [](const auto&, const auto&) {
                           return Result<ProtocolFactory>(fail(errc::unsupported, "mine"));
                       }});
    const auto summary = [&] {
        const Registration* const found = host.registry.find("version");
        return found ? found->summary : "gone";
    };
    host.install(1);
    REQUIRE(host.plugins.replace("version", host.path()));
    CHECK(summary() == "mine");
    REQUIRE(host.plugins.unload("version"));
    CHECK(summary() == "mine");
}

TEST_CASE("plugins: what was unloaded can be loaded again once its last connection is gone") {
    VersionHost host;
    auto& stays = host.connect(test::factory_from(host.registry, "version"));
    REQUIRE(host.plugins.unload("version"));
    const auto early = host.plugins.load(host.path());
    REQUIRE_FALSE(early);
    CHECK(test::has(early.error().message(), "version.so: it is loaded already"));
    CHECK(host.plugins.list().size() == 1);
    stays.reset();
    host.driver.run();
    REQUIRE(host.plugins.load(host.path()));
    CHECK(host.plugins.list().size() == 1);
    CHECK_FALSE(host.plugins.list().at(0).retired);
    CHECK(host.greeting(test::factory_from(host.registry, "version")) == "version 000");
}

TEST_CASE("plugins: a set lists what it has, and says what it does not have") {
    VersionHost host;
    const std::vector<PluginVersion> all = host.plugins.list();
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "version");
    CHECK(all[0].version == "version 000");
    CHECK(all[0].path == host.path());
    CHECK_FALSE(all[0].retired);
    CHECK(all[0].running);
    CHECK(all[0].connections == 0);
    CHECK(all[0].mapped >= 4096);
    CHECK(all[0].mapped < 1024 * 1024);
    CHECK(test::complaint(host.plugins.unload("kv")) ==
          "there is no plugin kv: the plugin was refused");
    CHECK(host.plugins.replace("kv", host.path()).error().message() ==
          "there is no plugin kv: the plugin was refused");
    const auto same_name = host.plugins.load(host.folder.copy("version", "other"));
    REQUIRE_FALSE(same_name);
    CHECK(test::has(same_name.error().message(), "a plugin version is in use already"));
    CHECK_FALSE(host.plugins.load("/nowhere/x.so"));
}

TEST_CASE("plugins: a set knows whether a file is in use") {
    VersionHost host;
    CHECK(host.plugins.uses(host.path()));
    CHECK_FALSE(host.plugins.uses("/nowhere/x.so"));
    host.install(1);
    CHECK_FALSE(host.plugins.uses(host.path()));
    REQUIRE(host.plugins.replace("version", host.path()));
    CHECK(host.plugins.uses(host.path()));
    REQUIRE(host.plugins.unload("version"));
    CHECK_FALSE(host.plugins.uses(host.path()));
}

TEST_CASE("plugins: a set that is gone leaves its plugins as they are") {
    VersionHost host;
    std::optional<PluginSet> second(std::in_place, host.registry);
    REQUIRE(second->load(test::plugin_path("echo")));
    second.reset();
    CHECK(host.registry.make("echo-c", Options(), {}).has_value());
}

TEST_CASE("plugins: 64 retired versions are a warning") {
    VersionHost host;
    const auto warnings = [&] { return test::count(host.log.text(), "2 64 retired versions"); };
    for (int i = 1; i <= 64; ++i) {
        CHECK(warnings() == 0);
        host.install(i);
        REQUIRE(host.plugins.replace("version", host.path()));
    }
    CHECK(warnings() == 1);
    host.install(65);
    REQUIRE(host.plugins.replace("version", host.path()));
    CHECK(warnings() == 1);
}

namespace {

// Closes what was opened while it lived.
struct CloseNew {
    ~CloseNew() {
        for (const int each : test::open_descriptors())
            if (before.count(each) == 0) ::close(each);
    }
    const std::set<int> before = test::open_descriptors();
};

// What the log says when a plugin of that kind has been used and unloaded.
std::string log_after(const char* kind) {
    const CloseNew close_new;
    const test::BrokenAs as(kind);
    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    PluginSet plugins(registry, {.log = log.sink()});
    REQUIRE(plugins.load(folder.copy("broken", "broken")));
    test::factory_from(registry, "broken");
    REQUIRE(plugins.unload("broken"));
    CHECK_FALSE(plugins.list().at(0).running);
    return log.text();
}

}  // namespace

TEST_CASE("plugins: what a plugin leaves behind is counted when it has stopped") {
    if (::access("/proc/self/task", R_OK) != 0) {
        MESSAGE("no /proc on this system: nothing checked");
        return;
    }
    std::thread([] {}).join();  // with the first thread, tsan starts one of its own
    CHECK(log_after("leaves_nothing") == "");
    CHECK(log_after("leaves_a_file") == "2 plugin broken 1: 1 descriptor left\n");
    CHECK(log_after("leaves_a_socket") == "");  // it could be a client's
    CHECK(log_after("configure_leaves") == "2 plugin broken 1: 1 descriptor left\n");
    CHECK(log_after("leaves_threads") == "2 plugin broken 1: 2 threads and 1 descriptor left\n");
    CHECK(log_after("leaves_nothing") == "");
}

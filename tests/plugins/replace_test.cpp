// Replacing a plugin: what changes, and that nothing changes if it fails.
#include <fstream>
#include <switchboard/plugin_set.hpp>
#include <switchboard/testing/memory.hpp>

#include "broken.hpp"
#include "versions.hpp"

using namespace switchboard;

namespace {

struct ReplacingHost {
    explicit ReplacingHost(const std::string& plugin,
                           std::function<Result<void>(const std::string&)> probe = {})
        : plugins(registry, {.log = log.sink(), .probe = std::move(probe)}) {
        const auto loaded = plugins.load(folder.copy(plugin, "first"));
        REQUIRE_MESSAGE(loaded, loaded.error().message());
    }
    // What a new connection sends first, and in answer to "hi".
    std::string talk(const ProtocolFactory& factory) {
        auto& peer = driver.connect(factory);
        peer.send("hi");
        peer.shutdown_write();
        driver.run();
        CHECK(peer.closed());
        return peer.received();
    }
    // The message of a replacement that must fail.
    std::string refusal(const std::string& name, const std::string& path) {
        const auto replaced = plugins.replace(name, path);
        CHECK_FALSE(replaced);
        return replaced ? "" : replaced.error().message();
    }

    const test::PluginFolder folder;
    test::PluginLog log;
    Registry registry;
    PluginSet plugins;
    testing::MemoryDriver driver;
};

// Version 0 of `broken` is in use, and nothing has changed.
void check_unchanged(ReplacingHost& host, const ProtocolFactory& factory) {
    CHECK(host.talk(factory) == "hi");
    CHECK(host.talk(test::factory_from(host.registry, "broken")) == "hi");
    const auto versions = host.plugins.list();
    REQUIRE(versions.size() == 1);
    CHECK(versions[0].path == host.folder.path("first"));
    CHECK(host.registry.find("broken")->options.at(1).name == "second");
}

}  // namespace

TEST_CASE(
    "plugins: a plugin in C++ does not replace another version if its check fails or throws") {
    ReplacingHost host("versions");
    test::install_version("versions", 1, host.folder.path("second"));
    const auto refusal_with = [&](const char* outcome) {
        ::setenv("VERSION_CHECK", outcome, 1);
        const std::string message = host.refusal("version", host.folder.path("second"));
        ::unsetenv("VERSION_CHECK");
        return message;
    };
    CHECK(test::has(refusal_with("no database"), "second.so: no database: "));
    CHECK(test::has(refusal_with("throws"), "second.so: thrown in check: "));
    CHECK(host.plugins.list().size() == 1);
    const auto replaced = host.plugins.replace("version", host.folder.path("second"));
    REQUIRE_MESSAGE(replaced, replaced.error().message());
    CHECK(replaced->version == "version 001");
}

TEST_CASE("plugins: a replacement serves new connections of factories that existed before") {
    ReplacingHost host("version");
    const ProtocolFactory by_default = test::factory_from(host.registry, "version");
    const ProtocolFactory given = test::factory_from(host.registry, "version", {{"text", "mine"}});
    const Registry copy = host.registry;
    CHECK(host.talk(by_default) == "version 000hi");
    auto& stays = host.driver.connect(by_default);
    host.driver.run();

    test::install_version("version", 1, host.folder.path("second"));
    const auto replaced = host.plugins.replace("version", host.folder.path("second"));
    REQUIRE_MESSAGE(replaced, replaced.error().message());
    CHECK(replaced->version == "version 001");
    CHECK(host.log.text() == "1 plugin version: checked\n");
    CHECK(host.talk(by_default) == "version 001hi");
    CHECK(host.talk(given) == "minehi");
    CHECK(host.talk(test::factory_from(host.registry, "version")) == "version 001hi");
    CHECK(host.talk(test::factory_from(copy, "version")) == "version 001hi");
    CHECK(host.registry.find("version")->summary == "version 001");

    stays.send("still");
    host.driver.run();
    CHECK(stays.received() == "version 000still");
    stays.shutdown_write();
    host.driver.run();
    CHECK(host.log.text() == "1 plugin version: checked\n1 plugin version: version 000\n");
}

TEST_CASE("plugins: the version before can be put into use again") {
    ReplacingHost host("version");
    const ProtocolFactory factory = test::factory_from(host.registry, "version");
    const std::string second = host.folder.path("second");
    test::install_version("version", 1, second);
    REQUIRE(host.plugins.replace("version", second));
    REQUIRE(host.plugins.replace("version", host.folder.path("first")));
    CHECK(host.talk(factory) == "version 000hi");
    REQUIRE(host.plugins.replace("version", second));
    CHECK(host.talk(factory) == "version 001hi");
    CHECK(host.plugins.list().size() == 2);
}

TEST_CASE(
    "plugins: a replacement may have more protocols, and other options that nobody has given") {
    const test::PluginFolder folder;
    Registry registry;
    PluginSet plugins(registry);
    {
        const test::BrokenAs as("fewer_protocols");
        REQUIRE(plugins.load(folder.copy("broken", "first")));
    }
    const Registry copy = registry;
    const test::BrokenAs as("other_options");
    CHECK(registry.find("other") == nullptr);
    REQUIRE(plugins.replace("broken", folder.copy("broken", "second")));
    CHECK(registry.make("other", Options(), {}).has_value());
    CHECK(registry.make("broken", Options(Options::Map{{"third", "3"}}), {}).has_value());
    // A copy of the registry still describes the version before.
    CHECK(copy.make("broken", Options(Options::Map{{"first", "3"}}), {}).has_value());
    const auto gone = copy.make("broken", Options(Options::Map{{"second", "3"}}), {});
    REQUIRE_FALSE(gone);
    CHECK(test::has(gone.error().message(), "option second: no such option"));
}

TEST_CASE("plugins: a replacement that fails leaves the version in use as it was") {
    ReplacingHost host("broken");
    host.registry.add({.name = "taken", .summary = "", .make = [](const auto&, const auto&) {
                           return Result<ProtocolFactory>(fail(errc::unsupported, ""));
                       }});
    const ProtocolFactory factory = test::factory_from(host.registry, "broken", {{"second", "7"}});
    int number = 0;
    const auto try_all = [&](const auto& kinds) {
        for (const test::Broken& each : kinds) {
            CAPTURE(std::string(each.kind));
            const std::string path = host.folder.copy("broken", "next" + std::to_string(number++));
            ::setenv("BROKEN", each.kind, 1);
            const std::string message = host.refusal("broken", path);
            ::unsetenv("BROKEN");
            CHECK_MESSAGE(test::has(message, each.message), message);
            check_unchanged(host, factory);
        }
    };
    try_all(test::kRefused);
    try_all(test::kNotReplacing);
    // The last of them is not broken any more.
    REQUIRE(host.plugins.replace("broken", host.folder.copy("broken", "good")));
    CHECK(host.talk(factory) == "hi");
}

TEST_CASE("plugins: a file that cannot replace a plugin leaves the version in use as it was") {
    ReplacingHost host("broken", [](const std::string& path) { return probe_plugin(path); });
    const ProtocolFactory factory = test::factory_from(host.registry, "broken");
    const std::string first = host.folder.path("first"), next = host.folder.path("next");
    CHECK(test::has(host.refusal("broken", first), "first.so: it is loaded already"));
    CHECK(test::has(host.refusal("broken", "/nowhere/x.so"), "no such file or directory"));
    std::ofstream(next, std::ios::binary) << test::read_whole(first).substr(0, 5000);
    CHECK(test::has(host.refusal("broken", next), "next.so: it is truncated"));
    CHECK(test::has(host.refusal("broken", test::plugin_path("empty")), "so it is not a plugin"));
    for (const test::Broken& each : test::kProbed) {
        if (each.kind == std::string("start_hangs")) continue;  // it takes 3 s
        CAPTURE(std::string(each.kind));
        std::filesystem::remove(next);
        host.folder.copy("broken", "next");
        ::setenv("BROKEN", each.kind, 1);
        CHECK(test::has(host.refusal("broken", next), each.message));
        ::unsetenv("BROKEN");
        check_unchanged(host, factory);
    }
    // As `cp` does, but what is added does not change the code that runs.
    std::ofstream(first, std::ios::binary | std::ios::app) << "x";
    CHECK(test::has(host.refusal("broken", first), "it was overwritten while it is mapped"));
    check_unchanged(host, factory);
}

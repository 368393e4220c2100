// Every broken plugin is refused or contained with a message of its own, while the host serves others.
#include "broken.hpp"

#include <optional>
#include <set>
#include <switchboard/inetd.hpp>
#include <switchboard/plugin_set.hpp>
#include <switchboard/testing/memory.hpp>

#include "plugins.hpp"

using namespace switchboard;

namespace {

// The host's own protocol must serve.
void check_echo(testing::MemoryDriver& driver) {
    auto& other = driver.connect(factory_of<Echo>());
    other.send("other");
    driver.run();
    CHECK(other.received() == "other");
    CHECK_FALSE(other.closed());
}

// Connects, sends and ends; once more with a peer that does not read, and with one that stays.
void use_up(testing::MemoryDriver& driver, const ProtocolFactory& factory, std::string& said) {
    try {
        auto& peer = driver.connect(factory());
        peer.send("hello");
        driver.run();
        peer.shutdown_write();
        driver.run();
        said += peer.failure() + "\n";
        auto& slow = driver.connect(factory());
        slow.set_window(0);
        slow.send(std::string(1024 * 1024, 'x'));
        driver.connect(factory());
        driver.run();
    } catch (const std::exception& thrown) {  // create(): the drivers refuse that connection
        said += std::string(thrown.what()) + "\n";
    }
}

// Loads a plugin, uses it, and ends it. Returns all that was said about it.
std::string lived(const char* kind) {
    const test::BrokenAs as(kind);
    const test::PluginFolder folder;
    test::PluginLog log;
    std::string said;
    {
        Registry registry;
        const auto loaded = load_plugin(folder.copy("broken", "broken"), registry, log.sink());
        testing::MemoryDriver driver;
        check_echo(driver);
        if (!loaded) return loaded.error().message();
        const auto made = registry.make("broken", Options(), {});
        made ? use_up(driver, *made, said) : void(said += made.error().message() + "\n");
        check_echo(driver);
        driver.drain();
        driver.advance(std::chrono::seconds(10));
    }
    return said + log.text();
}

std::string probed_as(const char* kind) {
    const test::BrokenAs as(kind);
    const test::PluginFolder folder;
    const auto timeout =
        std::chrono::milliseconds(kind == std::string("start_hangs") ? 50 : 30'000);
    const auto result = probe_plugin(folder.copy("broken", "broken"), timeout);
    testing::MemoryDriver driver;
    check_echo(driver);
    return test::complaint(result);
}

// A table of what was tried, and how many messages differ.
struct Tried {
    std::string table;
    std::size_t count = 0;
    std::set<std::string> messages;

    void add(const test::Broken& each, const std::string& said) {
        CAPTURE(std::string(each.kind));
        CHECK_MESSAGE(test::has(said, each.message), said);
        ++count;
        messages.insert(each.message);
        table += std::string("\n  ") + each.kind + ": " + each.message;
    }
};

}  // namespace

TEST_CASE("plugins: each broken one is refused or contained with its message, others are served") {
    Tried tried;
    for (const test::Broken& each : test::kRefused) tried.add(each, lived(each.kind));
    for (const test::Broken& each : test::kContained) tried.add(each, lived(each.kind));
    for (const test::Broken& each : test::kProbed) tried.add(each, probed_as(each.kind));
    CHECK(tried.count >= 50);
    // An exception and abort() both end the process with signal 6.
    CHECK(tried.messages.size() + 1 >= tried.count);
    MESSAGE(tried.count, " broken plugins:", tried.table);
    Registry registry;
    test::load_from(test::plugin_path("broken"), registry);  // one that is not broken
}

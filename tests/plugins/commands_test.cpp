// Each call and each callback of the C interface: objects/commands.c does what each byte of its input says.
#include <optional>
#include <switchboard/testing/memory.hpp>

#include "plugins.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

struct Commands {
    explicit Commands(Options::Map options = {}) {
        test::load_from(folder.copy("commands", "commands"), *registry, log.sink());
        peer = &driver->connect(test::factory_from(*registry, "commands", std::move(options)));
        driver->run();
        greeting = peer->take_received();
    }
    std::string send(std::string_view text) {
        peer->send(text);
        driver->run();
        return peer->take_received();
    }

    test::PluginFolder folder;
    test::PluginLog log;
    std::optional<Registry> registry = std::make_optional<Registry>();
    std::optional<testing::MemoryDriver> driver = std::make_optional<testing::MemoryDriver>();
    testing::MemoryPeer* peer;
    std::string greeting;
};

}  // namespace

TEST_CASE("plugins in C: each way to write, in order") {
    Commands host;
    CHECK(host.send("wpsfw") == "written;abcdefghijklmnopqrstshared;ELFwritable;written;");
    CHECK(host.send("r") == "released twice;");
}

TEST_CASE("plugins in C: half-close, and each way to end") {
    Commands half;
    CHECK(half.send("hw").empty());
    CHECK(half.peer->saw_eof());
    CHECK_FALSE(half.peer->closed());

    Commands closed;
    CHECK(closed.send("wc") == "written;");
    CHECK(closed.peer->closed());
    CHECK_FALSE(closed.peer->close_reason());
    CHECK(test::has(closed.log.text(),
                    "0 plugin commands: closed: 0 0\n0 plugin commands: destroyed\n"));

    Commands aborted;
    CHECK(aborted.send("wa").empty());
    CHECK(aborted.peer->saw_reset());
    CHECK(aborted.peer->close_reason() == std::errc::connection_reset);
    CHECK(test::has(aborted.log.text(), "closed: 1 104\n"));

    Commands failed;
    failed.send("F");
    CHECK(failed.peer->close_reason() == errc::handler_failed);
    CHECK(failed.peer->failure() == "commands: on_data threw: cannot?go on");
}

TEST_CASE("plugins in C: an error of its own has its name and its text") {
    Commands own;
    own.send("o");
    CHECK(own.peer->close_reason().message() == "own error 7 of domain 1");
    CHECK(own.peer->close_reason().category().name() == std::string("commands"));
    CHECK(test::has(own.log.text(), "closed: 17 7\n"));
    Commands unknown;
    unknown.send("u");
    CHECK(unknown.peer->close_reason().message() == "commands error 5");
    CHECK(test::has(unknown.log.text(), "closed: 5 5\n"));
}

TEST_CASE("plugins in C: pause and resume, deadline, FIN and drain") {
    Commands host;
    CHECK(host.send("P") == "resume;");
    CHECK(host.send("d").empty());
    host.driver->advance(5ms);
    CHECK(host.peer->take_received() == "deadline;");
    host.send("dD");
    host.driver->advance(1s);
    CHECK(host.peer->take_received().empty());
    CHECK(host.send("b").empty());
    host.driver->drain();
    host.driver->advance(10s);
    CHECK(host.peer->take_received() == "shutdown;");
    CHECK_FALSE(host.peer->closed());  // it is busy
    CHECK(host.send("i").empty());
    host.driver->advance(10s);
    CHECK(host.peer->closed());

    Commands ended;
    ended.peer->shutdown_write();
    ended.driver->run();
    CHECK(ended.peer->received() == "eof;");
    CHECK(ended.peer->closed());
}

TEST_CASE("plugins in C: backpressure, and on_writable after it") {
    for (const bool reads : {false, true}) {
        Commands host;
        if (reads) host.send("b");
        host.peer->set_window(0);
        host.peer->send(std::string(300'000, 'w'));
        host.driver->run();
        CHECK(host.peer->closed() == reads);  // one that reads on writes more than max_write_buffer
        if (reads) continue;
        CHECK(host.peer->unread() > 0);
        host.peer->set_window(10'000'000);
        host.driver->run();
        CHECK(test::has(host.peer->received(), "writable;"));
        CHECK(test::count(host.peer->received(), "written;") == 300'000);
    }
}

TEST_CASE("plugins in C: switch_to, and a table that is refused") {
    Commands host;
    CHECK(host.send("T") == "not switched;");
    CHECK(test::has(host.log.text(),
                    "3 plugin commands: switch_to() with an unusable table: it has no on_data"));
    CHECK(host.send("tabc") == "ABC");
    CHECK(test::has(host.log.text(), "closed: 0 0\n0 plugin commands: destroyed\n"));
    host.peer->shutdown_write();
    host.driver->run();
    CHECK(host.peer->closed());  // the default of a null on_eof
}

TEST_CASE("plugins in C: names, numbers and the log") {
    Commands host;
    CHECK(host.send("?") == "peer 1, local 1 3, id 1, queued 0, closing 0, credentials 1;");
    host.send("l");
    CHECK(test::has(host.log.text(), "2 plugin commands: a line?of text\n"));
}

TEST_CASE("plugins in C: options are checked, and configure() gets their values") {
    CHECK(Commands().greeting == "hi 1 2048 3000 2;");
    CHECK(Commands({{"greeting", "ho"},
                    {"flag", "no"},
                    {"size", "1k"},
                    {"time", "5ms"},
                    {"colour", "red"}})
              .greeting == "ho 0 1024 5 0;");
    const Commands host;
    const auto problem = [&](Options::Map options) {
        const auto made = host.registry->make("commands", Options(std::move(options)), {});
        return made ? "" : made.error().message();
    };
    CHECK(problem({{"size", "8k"}}) == "commands: option size: must be at most 4096: bad option");
    CHECK(test::has(problem({{"colour", "grey"}}), "available: red, green, blue"));
    CHECK(problem({{"greeting", "rude"}}) == "commands: commands: be polite: bad option");
    CHECK(test::has(problem({{"no", "yes"}}), "no such option"));
    CHECK(host.registry->find("commands")->one_reactor);
}

TEST_CASE("plugins: one runs until the last of its users is gone") {
    Commands host;
    CHECK(host.log.text() == "1 plugin commands: started\n");
    REQUIRE(host.registry->remove("commands"));
    host.registry.reset();
    CHECK(host.send("w") == "written;");
    CHECK_FALSE(test::has(host.log.text(), "stopped"));
    host.peer->shutdown_write();
    host.driver->run();
    CHECK(test::has(host.log.text(),
                    "destroyed\n0 plugin commands: released\n1 plugin commands: stopped\n"));

    // The file stays mapped, with its state, and can be started again.
    host.registry.emplace();
    test::load_from(host.folder.path("commands"), *host.registry, host.log.sink());
    CHECK(test::has(host.log.text(), "stopped\n1 plugin commands: started again\n"));
    auto& peer = host.driver->connect(test::factory_from(*host.registry, "commands"));
    peer.send("w");
    host.driver->run();
    CHECK(test::has(peer.received(), "written;"));
}

TEST_CASE("plugins: a version that was installed by rename runs beside the old one") {
    const test::PluginFolder folder;
    Registry registry;
    test::load_from(folder.copy("keyvalue", "plugin"), registry);
    const ProtocolFactory old = test::factory_from(registry, "kv");
    std::filesystem::rename(folder.copy("commands", "new"), folder.path("plugin"));
    CHECK(test::load_from(folder.path("plugin"), registry).name == "commands");
    testing::MemoryDriver driver;
    auto& first = driver.connect(old);
    first.send("get x\n");
    auto& second = driver.connect(test::factory_from(registry, "commands"));
    second.send("w");
    driver.run();
    CHECK(first.received() == "none\n");
    CHECK(test::has(second.received(), "written;"));
}

TEST_CASE("plugins: one that was overwritten while it is mapped is refused") {
    const test::PluginFolder folder;
    Registry registry;
    test::load_from(folder.copy("echo", "plugin"), registry);
    // Only the time changes: the code must stay whole, because the file is mapped.
    std::filesystem::last_write_time(folder.path("plugin"), std::filesystem::file_time_type());
    const auto again = inspect_plugin(folder.path("plugin"));
    REQUIRE_FALSE(again);
    CHECK(test::has(again.error().message(), "it was overwritten while it is mapped"));
}

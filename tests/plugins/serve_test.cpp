// `switchboard serve --plugin` and `switchboard plugin inspect`.
#include <doctest/doctest.h>
#include <csignal>

#include "../programs/server.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

const std::string kPlugins = SWITCHBOARD_TEST_PLUGINS;

}  // namespace

TEST_CASE("plugins: serve --plugin serves its protocols under every driver, with their options") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server server({"kv", "--plugin", kPlugins + "/keyvalue.so", "--option",
                             "greeting=hello;", "--driver", driver});
        const Finished asked = ask(server.endpoint(), {}, "put a 1\nget a\n");
        CHECK(asked.output == "hello;ok\n1\n");
        CHECK(asked.status == 0);
    }
}

TEST_CASE("plugins: serve takes several, by path or by name") {
    const Server server(
        {"echo-c", "--plugin", kPlugins + "/keyvalue.so", "--plugin", kPlugins + "/echo.so"});
    CHECK(ask(server.endpoint(), {}, "hello").output == "hello");
    const auto named = support::run({"env", "SWITCHBOARD_PLUGIN_PATH=/nowhere:" + kPlugins,
                                     kSwitchboard, "plugin", "inspect", "echo"});
    CHECK(named.status == 0);
    CHECK(test::has(named.output, "echo-c 1.0"));
}

TEST_CASE("plugins: what serve cannot load is an error before it listens") {
    check_refused({"kv", "--plugin", "/nowhere/x.so"}, "/nowhere/x.so: no such file or directory");
    const auto empty = programs::switchboard({"serve", "echo", "--plugin", kPlugins + "/empty.so"});
    CHECK(empty.status == 1);
    CHECK(test::has(empty.errors,
                    "/empty.so: it has no switchboard_plugin(), so it is not a plugin"));
    const auto twice = programs::switchboard({"serve", "echo", "--plugin", kPlugins + "/inetd.so"});
    CHECK(twice.status == 1);
    CHECK(test::has(twice.errors,
                    "/inetd.so: there is a protocol echo already: the plugin was refused\n"));
    const auto named = support::run(
        {"env", "--unset=SWITCHBOARD_PLUGIN_PATH", kSwitchboard, "serve", "kv", "--plugin", "kv"});
    CHECK(named.errors ==
          "switchboard: kv: SWITCHBOARD_PLUGIN_PATH is not set; a file in this directory is ./kv: "
          "the "
          "plugin was refused\n");
}

TEST_CASE("plugins: serve serves their datagrams, under the reactor and iterative") {
    for (const std::string driver : {"reactor", "iterative"}) {
        CAPTURE(driver);
        Server server({"datagrams", "--plugin", kPlugins + "/datagrams.so", "--listen",
                       "udp://127.0.0.1:0", "--driver", driver});
        CHECK(ask(server.endpoint(), {"--text", "echo"}).output == "echo");
        CHECK(ask(server.endpoint(), {"--text", "p"}).output == "abcdefghijklmnopqrst");
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("plugins: serve gives its reactors to those that need one, and refuses other drivers") {
    const std::string plugin = kPlugins + "/reactor.so";
    const Server echo({"echo"});
    for (const std::string reactors : {"1", "2"}) {
        Server server({"reactor", "--plugin", plugin, "--option", "target=" + echo.endpoint(),
                       "--reactors", reactors});
        const Socket client = server.connect();
        REQUIRE(client.send_all(as_bytes("cl")));
        CHECK(receive(client, 22) == "1 0 0;helloclosed 0 0;");
        CHECK(server.stop(SIGTERM).status == 0);
    }
    const auto needs =
        programs::switchboard({"serve", "reactor", "--plugin", plugin, "--driver", "threads"});
    CHECK(needs.status == 1);
    CHECK(test::has(needs.errors, "this protocol needs the reactor driver"));
    for (const std::string driver : {"processes", "process-pool"}) {
        const auto threads =
            programs::switchboard({"serve", "threads", "--plugin", plugin, "--driver", driver});
        CHECK(threads.status == 1);
        CHECK(test::has(threads.errors,
                        "threads: starts threads, which a driver with processes cannot copy"));
    }
    const Server threads({"threads", "--plugin", plugin, "--driver", "threads"});
    CHECK(ask(threads.endpoint(), {}, "hello").output == "hello");
}

TEST_CASE("plugins: inspect prints what a plugin says of itself") {
    const Finished inspected =
        programs::switchboard({"plugin", "inspect", kPlugins + "/keyvalue.so"});
    CHECK(inspected.status == 0);
    CHECK(inspected.errors == "");
    CHECK(test::has(inspected.output, "keyvalue 2.1  a key-value store\nfile: /"));
    CHECK(
        test::has(inspected.output, "/keyvalue.so\nABI: 0.2\nprotocols:\nkv  a key-value store\n"));
    CHECK(test::has(inspected.output, "    --option most=N: how many keys [1000]\n"));
    const Finished abilities =
        programs::switchboard({"plugin", "inspect", kPlugins + "/reactor.so"});
    CHECK(test::has(abilities.output, "    under the reactor driver only\n"));
    CHECK(
        test::has(abilities.output, "    not under processes and process-pool: starts threads\n"));
    CHECK(test::has(programs::switchboard({"plugin", "inspect", kPlugins + "/datagrams.so"}).output,
                    "    over udp://HOST:PORT\n"));
    CHECK(programs::switchboard({"plugin", "inspect", "/"}).status == 1);
    CHECK(programs::switchboard({"plugin"}).status == 2);
}

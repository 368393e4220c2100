// `switchboard serve --plugin` and `switchboard plugin inspect`.
#include <doctest/doctest.h>

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
          "switchboard: kv: not a path, and SWITCHBOARD_PLUGIN_PATH is not set: the "
          "plugin was refused\n");
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
    CHECK(programs::switchboard({"plugin", "inspect", "/"}).status == 1);
    CHECK(programs::switchboard({"plugin"}).status == 2);
}

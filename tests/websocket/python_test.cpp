// The other end is Python's: Debian's python3-websockets.
#include <doctest/doctest.h>

#include <switchboard/websocket_server.hpp>
#include <thread>

#include "process.hpp"
#include "talker.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

// Another Python may lack the package.
std::vector<std::string> python(const std::string& script, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"/usr/bin/python3", SWITCHBOARD_SOURCE "/tests/websocket/" + script});
    return arguments;
}

websocket::Settings for_python(bool deflate, bool takeover) {
    return ws_settings({.deflate = {.enabled = deflate, .takeover = takeover, .from = 1}});
}

}  // namespace

TEST_CASE("WebSocket and Python: its client talks to our server, with and without deflate") {
    for (const std::string deflate : {"none", "takeover", "no-takeover"}) {
        CAPTURE(deflate);
        http::Server server;
        server.route(
            "GET", "/echo",
            websocket::endpoint([] { return std::make_unique<WsHandler>(nullptr, ws_echo()); },
                                for_python(true, true)));
        Reactor reactor;
        const auto listening =
            reactor.listen(Endpoint::tcp("127.0.0.1", 0), server.factory()).value();
        const std::string url = "ws" + listening.local.to_string().substr(3) + "/echo";
        support::Finished finished;
        std::thread client([&] {
            finished = support::run(python("echo_client.py", {url, deflate}));
            reactor.post([&] { reactor.stop(); });
        });
        reactor.run();
        client.join();
        CHECK(finished.output == "done\n");
        CHECK(finished.errors == "");
    }
}

TEST_CASE("WebSocket and Python: our client talks to its server, with and without deflate") {
    for (const bool deflate : {false, true}) {
        for (const bool takeover : {false, true}) {
            CAPTURE(deflate);
            CAPTURE(takeover);
            support::Process server(python("echo_server.py", {deflate ? "deflate" : "none"}));
            const std::string url = "ws://127.0.0.1:" + server.read_line() + "/";
            Talker talker;
            Reactor reactor;
            auto client = websocket::connect(
                url, std::make_unique<WsHandler>(&talker.log, talker.does()),
                for_python(deflate, takeover),
                [](const websocket::Refusal& refusal) { MESSAGE(std::string(refusal.why)); });
            REQUIRE(client.has_value());
            REQUIRE(reactor.connect(*websocket::server_of(url), std::move(*client)).has_value());
            run_until(reactor,
                      [&] { return talker.log.socket == nullptr && !talker.log.text.empty(); });
            CHECK(talker.echoed == std::size(Talker::kSizes));
            CHECK(talker.log.text.ends_with("close:4000/done "));
        }
    }
}

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

// Sends each message back in parts of 1000 bytes.
WsHandler::Does echo_in_parts() {
    return {.on_message = [](WsSocket& s, Kind kind, MutableBytes message) {
        s.begin(kind);
        for (Bytes left = message; !left.empty();) {
            const Bytes part = left.first(std::min<std::size_t>(left.size(), 1'000));
            s.part(part);
            left = left.subspan(part.size());
        }
        s.end();
    }};
}

websocket::Settings for_python(bool deflate, bool takeover) {
    return ws_settings({.deflate = {.enabled = deflate, .takeover = takeover, .from = 1}});
}

}  // namespace

TEST_CASE("WebSocket and Python: its client talks to our server, with and without deflate") {
    http::Server server;
    const auto add = [&](const std::string& path, const WsHandler::Does& does) {
        const auto make = [does] { return std::make_unique<WsHandler>(nullptr, does); };
        server.route("GET", path, websocket::endpoint(make, for_python(true, true)));
    };
    add("/echo", ws_echo());
    add("/parts", echo_in_parts());
    for (const std::string path : {"/echo", "/parts"}) {
        for (const std::string deflate : {"none", "takeover", "no-takeover"}) {
            CAPTURE(path);
            CAPTURE(deflate);
            Reactor reactor;
            const auto at =
                reactor.listen(Endpoint::tcp("127.0.0.1", 0), server.factory()).value().local;
            const std::string url = "ws" + at.to_string().substr(3) + path;
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

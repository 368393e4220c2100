// The server's handshake over HTTP, in memory, and both ends over sockets of the loopback address.
#include <doctest/doctest.h>

#include <switchboard/blocking.hpp>
#include <switchboard/websocket_registry.hpp>
#include <switchboard/websocket_server.hpp>
#include <thread>

#include "talker.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using testing::MemoryDriver;

namespace {

ProtocolFactory chat_server(WsLog* log, const websocket::Options& options = {}) {
    http::Server server;
    server.route("GET", "/chat",
                 websocket::endpoint([log] { return std::make_unique<WsHandler>(log, ws_echo()); },
                                     ws_settings(options)));
    server.route("GET", "/full", websocket::endpoint([] { return nullptr; }));
    return server.factory();
}

std::string request_with(const std::string& more, const std::string& path = "/chat") {
    return "GET " + path +
           " HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           more + "\r\n";
}
const std::string kVersion = "Sec-WebSocket-Version: 13\r\n";

std::string answer_of(const std::string& request, const websocket::Options& options = {}) {
    return testing::deliver(chat_server(nullptr, options), request).output;
}

std::unique_ptr<Protocol> talking_client(Talker& talker, const std::string& url,
                                         const websocket::Options& options = {}) {
    auto made = websocket::connect(url, std::make_unique<WsHandler>(&talker.log, talker.does()),
                                   ws_settings(options));
    REQUIRE(made.has_value());
    return std::move(*made);
}

}  // namespace

TEST_CASE("WebSocket server: the upgrade, and the first frame in the same read") {
    const std::string input =
        request_with(kVersion) + client_frame({.payload = "hello"}) + client_close(1000);
    const auto outcome = testing::deliver(chat_server(nullptr), input);
    CHECK(outcome.output.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    CHECK(outcome.output.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") !=
          std::string::npos);
    CHECK(outcome.output.find("Sec-WebSocket-Extensions") == std::string::npos);
    CHECK(outcome.output.ends_with("\r\n\r\n" + server_frame({.payload = "hello"}) +
                                   server_close(1000)));
    CHECK(outcome.closed);
    CHECK_FALSE(outcome.reason);
}

TEST_CASE("WebSocket server: subprotocol and deflate are answered if both ends want them") {
    const websocket::Options options{.subprotocols = {"v2", "v1"}, .deflate = {.enabled = true}};
    const std::string answer = answer_of(
        request_with(
            kVersion +
            "Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"),
        options);
    CHECK(answer.find("\r\nSec-WebSocket-Protocol: v1\r\n") != std::string::npos);
    CHECK(
        answer.find("\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                    "client_no_context_takeover\r\n") != std::string::npos);
}

TEST_CASE("WebSocket server: what is refused") {
    const auto starts = [](const std::string& request, const std::string& status) {
        const std::string answer = answer_of(request);
        CHECK_MESSAGE(answer.starts_with("HTTP/1.1 " + status), answer);
        return answer;
    };
    starts("GET /chat HTTP/1.1\r\nHost: a\r\n\r\n", "426");
    CHECK(starts(request_with("Sec-WebSocket-Version: 8\r\n"), "426")
              .find("\r\nSec-WebSocket-Version: 13\r\n") != std::string::npos);
    starts(request_with(kVersion + "Origin: https://evil.net\r\n"), "403");
    starts(request_with(kVersion, "/full"), "503");
    starts(request_with(kVersion + "Content-Length: 1\r\n") + "x", "400");
    starts("GET /chat HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
           "400");
    starts("POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "405");
}

TEST_CASE("WebSocket server: a handler of HTTP may accept the request itself") {
    WsLog log;
    std::vector<bool> accepted;
    http::Server server;
    server.route("GET", "/", [&](const http::Request& request, http::Response& response) {
        accepted.push_back(websocket::accept(
            request, response, std::make_unique<WsHandler>(&log, ws_echo()), ws_settings()));
    });
    const auto answer = [&](const std::string& input) {
        return testing::deliver(server.factory(), input).output;
    };
    CHECK(answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 426 "));
    CHECK(log.text == "");
    CHECK(answer(request_with(kVersion, "/") + client_frame({.payload = "hello"}))
              .ends_with("\r\n\r\n" + server_frame({.payload = "hello"})));
    CHECK(accepted == std::vector<bool>{false, true});
    CHECK(log.text == "open text:hello close:1006/ ");
}

TEST_CASE("WebSocket server: `switchboard serve websocket` echoes to pages of every site") {
    Registry registry;
    websocket::register_websocket(registry);
    const auto made = registry.make("websocket", switchboard::Options(), {});
    REQUIRE(made.has_value());
    const std::string input =
        request_with(kVersion + "Origin: https://other.example\r\n", "/any/path") +
        client_frame({.opcode = Opcode::binary, .payload = "hello"}) + client_close(1000);
    const std::string output = testing::deliver(*made, input).output;
    CHECK(output.starts_with("HTTP/1.1 101 "));
    CHECK(output.ends_with(server_frame({.opcode = Opcode::binary, .payload = "hello"}) +
                           server_close(1000)));
    const auto wrong = registry.make("websocket", *switchboard::Options::parse({"size=1"}), {});
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error() == errc::bad_option);
}

TEST_CASE("WebSocket server: both ends in memory, whatever the network does") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        WsLog server;
        Talker talker;
        websocket::Options options;
        options.deflate.enabled = seed % 2 == 0;
        MemoryDriver driver(
            {.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
        driver.join(talking_client(talker, "ws://example.org/chat", options),
                    chat_server(&server, options)(), {}, 5'000);
        driver.run();
        CHECK(talker.is_done());
        CHECK(server.text.ends_with("close:4000/done "));
        CHECK(driver.open() == 0);
    }
}

TEST_CASE("WebSocket server: both ends on one reactor, over sockets") {
    Talker talker;
    Reactor reactor;
    const auto listening = listen_on(reactor, chat_server(nullptr));
    REQUIRE(reactor.connect(listening.local, talking_client(talker, "ws://127.0.0.1/chat"))
                .has_value());
    run_until(reactor, [&] { return talker.log.socket == nullptr && !talker.log.text.empty(); });
    CHECK(talker.is_done());
}

TEST_CASE("WebSocket server: a client on a reactor talks to serve_threads, with the handshake") {
    Talker talker;
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop.has_value());
    std::thread server(
        [&] { (void)serve_threads(std::move(listener.socket), chat_server(nullptr), *stop); });
    {
        Reactor reactor;
        REQUIRE(reactor.connect(listener.at, talking_client(talker, "ws://127.0.0.1/chat"))
                    .has_value());
        run_until(reactor,
                  [&] { return talker.log.socket == nullptr && !talker.log.text.empty(); });
        CHECK(talker.is_done());
    }
    stop->abort();
    server.join();
}

TEST_CASE("WebSocket server: conforms, whatever the peer does") {
    CHECK(testing::check_robustness(chat_server(nullptr), 64) == kNoFindings);
}

// The handshake: what a server answers to a request, and what a client accepts as the answer to its own.
#include <doctest/doctest.h>

#include <accept_key.hpp>
#include <handshake.hpp>
#include <set>
#include <url.hpp>

#include "ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace switchboard::websocket::detail;
using namespace std::chrono_literals;
using testing::MemoryDriver;

namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

using Changes = std::vector<Field>;

// The decision on a correct request in which fields are replaced, or removed if the value is "-".
Decision decision_on(const Changes& changes, const websocket::Options& options = {},
                     std::string_view method = "GET") {
    std::vector<Field> fields{{"Host", "example.org"},
                              {"upgrade", "WebSocket"},
                              {"Connection", "keep-alive, Upgrade"},
                              {"Sec-WebSocket-Key", kKey},
                              {"Sec-WebSocket-Version", "13"}};
    for (const auto& change : changes) {
        std::erase_if(fields,
                      [&](const auto& f) { return equals_without_case(f.name, change.name); });
    }
    for (const auto& change : changes)
        if (change.value != "-") fields.push_back(change);
    const Fields all{fields};
    return decide({.method = method, .host = all.first("Host"), .fields = all}, options);
}

unsigned status_on(const Changes& changes, const websocket::Options& options = {}) {
    return decision_on(changes, options).status;
}

// A client in memory, and the server that the test plays.
struct ClientEnd {
    explicit ClientEnd(const websocket::Options& options = {},
                       std::string_view url = "ws://example.org/chat", WsHandler::Does does = {}) {
        auto made = websocket::connect(
            url, std::make_unique<WsHandler>(&log, std::move(does)), ws_settings(options),
            [this](const websocket::Refusal& refusal) {
                refused += std::to_string(refusal.status) + "/" + std::string(refusal.why) + "/" +
                           std::string(refusal.body);
            });
        REQUIRE(made.has_value());
        peer = &driver.connect(std::move(*made));
        driver.run();
        request = peer->take_received();
    }
    std::string field(const std::string& name) const {
        const auto at = request.find("\r\n" + name + ": ");
        if (at == std::string::npos) return "-";
        const auto begin = at + name.size() + 4;
        return request.substr(begin, request.find("\r\n", begin) - begin);
    }
    std::string accepting(const std::string& more = {}) const {
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: " +
               accept_key(field("Sec-WebSocket-Key")) + "\r\n" + more + "\r\n";
    }
    void send(const std::string& answer) {
        peer->send(answer);
        driver.run();
    }

    WsLog log;
    std::string refused;
    MemoryDriver driver;
    testing::MemoryPeer* peer = nullptr;
    std::string request;
};

}  // namespace

TEST_CASE("WebSocket handshake: the key is answered as RFC 6455 shows") {
    CHECK(accept_key(kKey) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(is_key(kKey));
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) keys.insert(make_key());
    CHECK(keys.size() == 100);
    for (const auto& key : keys) CHECK(is_key(key));
    for (const char* const wrong :
         {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==",
          "dGhlIHNhbXBsZSBub25j====", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZWVl",
          "dGhlIHNh bXBsZSBub25jZQ=="})
        CHECK_FALSE(is_key(wrong));
}

TEST_CASE("WebSocket handshake: a right request is accepted, and each wrong one has its status") {
    const auto right = decision_on({});
    CHECK(right.status == 101);
    CHECK(right.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(right.extensions == "");
    CHECK(right.opening.role == Role::server);
    CHECK(decision_on({}, {}, "POST").status == 405);
    CHECK(status_on({{"Host", "-"}}) == 400);
    CHECK(status_on({{"Upgrade", "-"}}) == 426);
    CHECK(status_on({{"Upgrade", "h2c"}}) == 426);
    CHECK(status_on({{"Upgrade", "h2c, websocket"}}) == 101);
    CHECK(status_on({{"Connection", "-"}}) == 426);
    CHECK(status_on({{"Connection", "close"}}) == 426);
    CHECK(status_on({{"Sec-WebSocket-Version", "-"}}) == 426);
    CHECK(status_on({{"Sec-WebSocket-Version", "8"}}) == 426);
    CHECK(status_on({{"Sec-WebSocket-Version", "13, 8"}}) == 426);
    CHECK(status_on({{"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Version", "13"}}) == 426);
    CHECK(status_on({{"Sec-WebSocket-Key", "-"}}) == 400);
    CHECK(status_on({{"Sec-WebSocket-Key", "short"}}) == 400);
    CHECK(status_on({{"Sec-WebSocket-Key", kKey}, {"Sec-WebSocket-Key", kKey}}) == 400);
}

TEST_CASE("WebSocket handshake: pages of other sites are refused unless they are listed") {
    CHECK(status_on({{"Origin", "https://example.org"}}) == 101);
    CHECK(status_on({{"Origin", "https://EXAMPLE.org"}}) == 101);
    for (const char* const other : {"https://example.org.evil.net", "https://evil.net", "null", "",
                                    "https://example.org:8080", "example.org"})
        CHECK_MESSAGE(status_on({{"Origin", other}}) == 403, other);
    CHECK(status_on({{"Origin", "https://example.org:8080"}, {"Host", "example.org:8080"}}) == 101);
    const websocket::Options listed{.origins = {"https://a.net", "https://b.net"}};
    CHECK(status_on({{"Origin", "https://b.net"}}, listed) == 101);
    CHECK(status_on({{"Origin", "https://example.org"}}, listed) == 403);
    CHECK(status_on({}, listed) == 101);
    CHECK(status_on({{"Origin", "null"}}, {.origins = {"*"}}) == 101);
    CHECK(status_on({{"Origin", "https://b.net"}, {"Origin", "https://b.net"}}, listed) == 400);
}

TEST_CASE("WebSocket handshake: the subprotocol is the server's best that the client offers") {
    const websocket::Options options{.subprotocols = {"v2", "v1"}};
    CHECK(decision_on({{"Sec-WebSocket-Protocol", "v1, v2"}}, options).opening.subprotocol == "v2");
    CHECK(decision_on({{"Sec-WebSocket-Protocol", "x"}, {"Sec-WebSocket-Protocol", "v1"}}, options)
              .opening.subprotocol == "v1");
    CHECK(decision_on({{"Sec-WebSocket-Protocol", "V2"}}, options).opening.subprotocol == "");
    CHECK(decision_on({}, options).opening.subprotocol == "");
}

TEST_CASE("WebSocket client: the request, and the first frame that comes with the answer") {
    ClientEnd end({.subprotocols = {"v2", "v1"}, .fields = {{"Authorization", "Bearer x"}}});
    CHECK(end.request.starts_with("GET /chat HTTP/1.1\r\nHost: example.org\r\n"));
    CHECK(end.request.ends_with("\r\n\r\n"));
    CHECK(end.field("Upgrade") == "websocket");
    CHECK(end.field("Connection") == "Upgrade");
    CHECK(end.field("Sec-WebSocket-Version") == "13");
    CHECK(end.field("Sec-WebSocket-Protocol") == "v2, v1");
    CHECK(end.field("Sec-WebSocket-Extensions") == "-");
    CHECK(end.field("Authorization") == "Bearer x");
    CHECK(is_key(end.field("Sec-WebSocket-Key")));
    end.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" +
             end.accepting("Sec-WebSocket-Protocol: v1\r\n") + server_frame({.payload = "hello"}));
    CHECK(end.log.text == "open text:hello ");
    CHECK(end.log.socket->subprotocol() == "v1");
    CHECK_FALSE(end.log.socket->compresses());
    end.send(server_close(1000));
    end.peer->shutdown_write();
    end.driver.run();
    CHECK(end.log.text == "open text:hello close:1000/ ");
    CHECK(end.refused == "");
}

TEST_CASE("WebSocket client: the answer in two parts, at every split") {
    const ClientEnd whole;
    for (std::size_t split = 1; split < whole.accepting().size() + 7; ++split) {
        ClientEnd end;
        const std::string answer = end.accepting() + server_frame({.payload = "hello"});
        end.send(answer.substr(0, split));
        end.send(answer.substr(split));
        CHECK(end.log.text == "open text:hello ");
    }
}

TEST_CASE("WebSocket client: deflate is used if the server agrees") {
    websocket::Options options;
    options.deflate = {.enabled = true, .from = 1};
    ClientEnd end(options);
    CHECK(end.field("Sec-WebSocket-Extensions").starts_with("permessage-deflate;"));
    end.send(end.accepting(
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"));
    CHECK(end.log.socket->compresses());
    end.log.socket->send(std::string(1000, 'x'));
    end.driver.run();
    CHECK(end.peer->received().size() < 50);
}

TEST_CASE("WebSocket client: an answer that is not right is refused with its reason") {
    const auto verdict = [](const std::string& answer, bool fin = false) {
        ClientEnd end({.subprotocols = {"v1"}});
        const auto at = answer.find('@');
        end.send(at == std::string::npos ? answer : end.accepting(answer.substr(at + 1)));
        if (fin) end.peer->shutdown_write();
        end.driver.run();
        CHECK(end.peer->closed());
        CHECK(end.log.text.starts_with("close:1006/"));
        return end.refused;
    };
    CHECK(verdict("@Sec-WebSocket-Protocol: v2\r\n") == "101/subprotocol that was not offered/");
    CHECK(verdict("@Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Protocol: v1\r\n") ==
          "101/several subprotocols/");
    CHECK(verdict("@Sec-WebSocket-Extensions: permessage-deflate\r\n") ==
          "101/extension that was not offered/");
    CHECK(verdict("@Sec-WebSocket-Accept: x\r\n") == "101/wrong Sec-WebSocket-Accept/");
    CHECK(verdict("@Upgrade: h2c\r\n") == "101/wrong Upgrade/");
    CHECK(verdict("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n") ==
          "101/wrong Sec-WebSocket-Accept/");
    CHECK(verdict("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n") == "101/wrong Connection/");
    for (const std::string line :
         {"HTTP/1.1 10", "HTTP/1.1 099 X", "HTTP/1.1 1x1 X", "HTTP/1.1 1011"})
        CHECK(verdict(line + "\r\n\r\n") == "0/the answer is not HTTP/1.1/");
    CHECK(verdict("HTTP/1.1 403\r\nContent-Length: 2\r\n\r\nno") == "403/status 403/no");
    CHECK(verdict("HTTP/1.1 403 X\r\nContent-Length: 2x\r\n\r\nno", true) == "403/status 403/no");
    CHECK(verdict("HTTP/1.1 403 X\r\nContent-Length: " + std::string(30, '9') + "\r\n\r\nno",
                  true) == "403/status 403/no");
    CHECK(verdict("HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n") ==
          "101/wrong Upgrade/");
    CHECK(verdict("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnomore") ==
          "403/status 403/no");
    CHECK(verdict("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n") == "404/status 404/");
    CHECK(verdict("HTTP/1.1 302 X\r\nTransfer-Encoding: chunked\r\n\r\n") == "302/status 302/");
    CHECK(verdict("HTTP/1.1 500 X\r\n\r\nuntil the end", true) == "500/status 500/until the end");
    CHECK(verdict("HTTP/1.1 500 X\r\n\r\n" + std::string(70'000, 'x')) ==
          "500/status 500/" + std::string(65'536, 'x'));
    CHECK(verdict("HTTP/1.0 200 OK\r\n\r\n") == "0/the answer is not HTTP/1.1/");
    CHECK(verdict("SSH-2.0") == "0/the answer is not HTTP/1.1/");
    CHECK(verdict("HTTP/1.1 101 X\r\nbad field\r\n\r\n") == "0/the answer is not HTTP/1.1/");
    CHECK(verdict("HTTP/1.1 101 X\r\nA: b\r\n c\r\n\r\n") == "0/the answer is not HTTP/1.1/");
    CHECK(verdict("HTTP/1.1 101 X\r\nA: " + std::string(20'000, 'x')) ==
          "0/the answer is not HTTP/1.1/");
    CHECK(verdict("HTTP/1.1 10", true) == "0/the server ended the connection/");
}

TEST_CASE("WebSocket client: no answer, and a connection that is lost") {
    ClientEnd silent({.handshake_timeout = 3s});
    silent.driver.advance(2999ms);
    CHECK_FALSE(silent.peer->closed());
    silent.driver.advance(1ms);
    CHECK(silent.peer->close_reason() == std::errc::timed_out);
    CHECK(silent.log.text == "close:1006/handshake_timeout ");
    CHECK(silent.refused == "0/handshake_timeout/");
    ClientEnd reset;
    reset.peer->reset();
    reset.driver.run();
    CHECK(reset.log.text == "close:1006/the connection ended ");
}

TEST_CASE("WebSocket client: URLs") {
    const auto told = [](std::string_view text) {
        const auto url = parse_url(text);
        if (!url) return url.error().context();
        return url->authority + " " + url->host + " " + std::to_string(url->port) + " " +
               url->target;
    };
    CHECK(told("ws://example.org") == "example.org example.org 80 /");
    CHECK(told("WS://example.org:80?a=b") == "example.org example.org 80 /?a=b");
    CHECK(told("wss://example.org:8443/x/y?z") == "example.org:8443 example.org 8443 /x/y?z");
    CHECK(told("wss://[::1]/") == "[::1] ::1 443 /");
    CHECK(told("ws://[::1]:99/") == "[::1]:99 ::1 99 /");
    for (const char* const wrong :
         {"http://example.org", "example.org", "ws://", "ws://user@host/", "ws://host:0/",
          "ws://host:70000/", "ws://host:/", "ws://host/#x", "ws://host/ x", "ws://host/\r\n",
          "ws://[::1", "ws://[host]/", "ws://h\xc3\xa9/"})
        CHECK_MESSAGE(told(wrong).starts_with("WebSocket URL: "), wrong);
    const auto server = websocket::server_of("wss://example.org/x");
    REQUIRE(server.has_value());
    CHECK(server->to_string() == "tcp://example.org:443");
    CHECK_FALSE(websocket::server_of("x").has_value());
    CHECK_FALSE(websocket::connect("x", std::make_unique<WsHandler>(nullptr, WsHandler::Does{}))
                    .has_value());
}

TEST_CASE("WebSocket settings: options out of range are named") {
    const auto error = [](const websocket::Options& options) {
        const auto made = websocket::Settings::make(options);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error() == errc::bad_option);
        return made.error().context();
    };
    CHECK(error({.deflate = {.stream = {.window_bits = 8}}}) ==
          "WebSocket window_bits=8: must be 9 to 15");
    CHECK(error({.deflate = {.stream = {.memory_level = 0}}}) ==
          "WebSocket memory_level=0: must be 1 to 9");
    CHECK(error({.deflate = {.stream = {.window_bits = 16}}}) ==
          "WebSocket window_bits=16: must be 9 to 15");
    CHECK(error({.deflate = {.stream = {.memory_level = 10}}}) ==
          "WebSocket memory_level=10: must be 1 to 9");
    CHECK(error({.deflate = {.stream = {.level = 0}}}) == "WebSocket level=0: must be 1 to 9");
    CHECK(error({.deflate = {.stream = {.level = 10}}}) == "WebSocket level=10: must be 1 to 9");
    CHECK(error({.fields = {{"A B", "c"}}}) == "WebSocket field 'A B': not a field of HTTP");
    CHECK(error({.max_message = SIZE_MAX}) == "WebSocket max_message: too large");
    CHECK(error({.max_fragments = 0}) == "WebSocket max_fragments=0: must be at least 1");
    CHECK(error({.idle_timeout = -1ms}) == "WebSocket time-out: must not be negative");
    CHECK(error({.subprotocols = {"a b"}}) == "WebSocket subprotocol 'a b': must be a token");
    CHECK(error({.fields = {{"A", "b\r\nC: d"}}}) == "WebSocket field 'A': not a field of HTTP");
}

TEST_CASE("WebSocket client: conforms, whatever the server does") {
    const ProtocolFactory factory = [] {
        return std::move(*websocket::connect("ws://example.org",
                                             std::make_unique<WsHandler>(nullptr, ws_echo())));
    };
    CHECK(testing::check_robustness(factory, 100) == kNoFindings);
}

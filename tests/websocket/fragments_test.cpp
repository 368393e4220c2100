// Messages that are sent in fragments, compressed.
#include <doctest/doctest.h>

#include "ends.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::test;
using testing::MemoryDriver;
using websocket::detail::Agreed;
using websocket::detail::Opening;

namespace {

websocket::Options with_deflate(bool takeover, std::size_t from = 1) {
    return {.deflate = {.enabled = true, .takeover = takeover, .from = from}};
}

Opening with_agreed(Role role, bool takeover, unsigned bits = 15) {
    return {.role = role,
            .deflate = Agreed{.own_takeover = takeover,
                              .peer_takeover = takeover,
                              .own_bits = bits,
                              .peer_bits = bits}};
}

void send_parts(WsSocket& socket, Kind kind, std::initializer_list<std::string> parts) {
    socket.begin(kind);
    for (const std::string& part : parts) socket.part(as_bytes(part));
    socket.end();
}

// What a server with deflate writes that sends `parts`: the first bytes of its frames, as numbers.
std::string heads_of(std::initializer_list<std::string> parts, std::size_t from) {
    WsLog log;
    MemoryDriver driver;
    auto& peer = driver.connect(
        ws_end(&log, {}, with_deflate(false, from), with_agreed(Role::server, false)));
    driver.run();
    send_parts(*log.socket, Kind::text, parts);
    driver.run();
    std::string bytes = peer.received(), heads;
    while (bytes.size() >= 2) {
        heads += std::to_string(static_cast<unsigned char>(bytes[0])) + " ";
        bytes.erase(0, 2 + static_cast<unsigned char>(bytes[1]));
    }
    return heads;
}

constexpr auto kFirstCompressed = "65 ";  // 0x41: text, RSV1, not the last
constexpr auto kFirstPlain = "1 ";
constexpr auto kNext = "0 ";
constexpr auto kLast = "128 ";

}  // namespace

TEST_CASE("WebSocket fragments: compressed and decompressed, with and without takeover") {
    const std::string large = numbers(70'000);
    for (const bool takeover : {false, true}) {
        for (const unsigned bits : {9U, 15U}) {
            for (const Role role : {Role::client, Role::server}) {
                CAPTURE(takeover);
                CAPTURE(bits);
                WsLog sender, receiver;
                MemoryDriver driver({.seed = bits, .short_reads = true, .short_writes = true});
                const WsHandler::Does talk{.on_open = [&](WsSocket& s) {
                    s.send("before before");
                    send_parts(s, Kind::text, {"hello ", "", "hello ", "hello"});
                    send_parts(s, Kind::binary, {large, large});
                    s.begin(Kind::text);
                    s.part(as_bytes("one"));
                    s.ping();
                    s.part(as_bytes("two"));
                    s.end();
                    s.send("before before");
                    s.close();
                }};
                const Role other = role == Role::client ? Role::server : Role::client;
                driver.join(ws_end(&sender, talk, with_deflate(takeover),
                                   with_agreed(role, takeover, bits)),
                            ws_end(&receiver, {}, with_deflate(takeover),
                                   with_agreed(other, takeover, bits)));
                driver.run();
                CHECK(receiver.text ==
                      "open text:before before text:hello hello hello binary:" + large + large +
                          " text:onetwo text:before before close:1000/ ");
            }
        }
    }
}

TEST_CASE("WebSocket fragments: the first frame says that the message is compressed") {
    const std::string first = std::string(kFirstCompressed) + kNext + kLast;
    CHECK(heads_of({"aaaa", "bb"}, 4) == first);
    CHECK(heads_of({"aaaa", ""}, 4) == first);
    CHECK(heads_of({"aaa", "bbbbbbbb"}, 4) == std::string(kFirstPlain) + kNext + kLast);
    CHECK(heads_of({"", "bbbbbbbb"}, 0) == std::string(kFirstPlain) + kNext + kLast);
    CHECK(heads_of({}, 0) == "129 ");
    CHECK(heads_of({"aaaa"}, 0) == std::string(kFirstCompressed) + kLast);
}

TEST_CASE("WebSocket fragments: fewer bytes, and fewer still if a part repeats one before it") {
    const auto size_of = [](bool deflate) {
        WsLog log;
        MemoryDriver driver;
        auto& peer = driver.connect(
            ws_end(&log, {}, with_deflate(false),
                   deflate ? with_agreed(Role::server, false) : Opening{.role = Role::server}));
        driver.run();
        const std::string part = numbers(5'000);
        send_parts(*log.socket, Kind::text, {part, part, part, part});
        driver.run();
        return peer.received().size();
    };
    CHECK(size_of(false) > 20'000);
    CHECK(size_of(true) < 3'000);
}

TEST_CASE("WebSocket fragments: the compressor is lent for the message, and comes back") {
    const auto settings = ws_settings(with_deflate(false));
    const auto& pool = settings.shared()->pool;
    WsLog log;
    MemoryDriver driver;
    const auto connect = [&]() -> testing::MemoryPeer& {
        auto& peer = driver.connect(std::make_unique<websocket::detail::Engine>(
            std::make_unique<WsHandler>(&log, WsHandler::Does{}), settings.shared(),
            with_agreed(Role::server, false)));
        driver.run();
        return peer;
    };
    connect();
    for (int i = 0; i < 2; ++i) {
        log.socket->begin(Kind::text);
        CHECK(pool.kept() == (i == 0 ? 0 : 1));
        log.socket->part(as_bytes("hello"));
        CHECK(pool.kept() == 0);
        log.socket->part(as_bytes("hello"));
        log.socket->end();
        CHECK(pool.kept() == 1);
    }
    auto& lost = connect();
    log.socket->begin(Kind::text);
    log.socket->part(as_bytes("hello"));
    CHECK(pool.kept() == 0);
    lost.reset();
    driver.run();
    CHECK(pool.kept() == 1);
}

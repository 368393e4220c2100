// Messages, fragments, Close frames, time and backpressure of one end, in memory.
#include <doctest/doctest.h>

#include <stdexcept>

#include "ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using testing::MemoryDriver;

namespace {

constexpr auto kGreek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

ProtocolFactory echo_server(const websocket::Options& options = {}) {
    return [settings = options] { return ws_end(nullptr, ws_echo(), settings); };
}

std::string in_fragments(const std::string& text, std::size_t size,
                         const std::string& between = {}) {
    std::string frames;
    for (std::size_t at = 0; at < text.size(); at += size) {
        const bool last = at + size >= text.size();
        frames += client_frame({.opcode = at == 0 ? Opcode::text : Opcode::continuation,
                                .payload = text.substr(at, size),
                                .fin = last},
                               0x9f1122e7 + static_cast<std::uint32_t>(at));
        if (!last) frames += between;
    }
    return frames;
}

// Sends `input` to a new server end, and logs what its handler is told.
struct ServerEnd {
    explicit ServerEnd(WsHandler::Does does = {}, const websocket::Options& options = {},
                       const ConnectionLimits& limits = {})
        : peer(driver.connect(ws_end(&log, std::move(does), options), limits)) {
        driver.run();
    }
    void send(const std::string& input) {
        peer.send(input);
        driver.run();
    }

    WsLog log;
    MemoryDriver driver;
    testing::MemoryPeer& peer;
};

}  // namespace

TEST_CASE("WebSocket: messages of all sizes are echoed, at every split") {
    std::string input, output;
    for (const std::size_t size : {0U, 1U, 5U, 125U, 126U, 300U}) {
        const std::string text(size, 'x');
        for (const auto kind : {Opcode::text, Opcode::binary}) {
            input += client_frame({.opcode = kind, .payload = text});
            output += server_frame({.opcode = kind, .payload = text});
        }
    }
    CHECK(testing::deliver(echo_server(), input).output == output);
    CHECK(testing::check_deliveries(echo_server(), input) == kNoFindings);
    const std::string large(70'000, 'y');
    CHECK(testing::deliver(echo_server(), client_frame({.payload = large})).output ==
          server_frame({.payload = large}));
    CHECK(testing::check_deliveries(echo_server(), client_frame({.payload = large}),
                                    {.most_splits = 40, .random_runs = 4}) == kNoFindings);
}

TEST_CASE("WebSocket: fragments with control frames between them are one message, at every split") {
    const std::string ping = client_frame({.opcode = Opcode::ping, .payload = "p"});
    const std::string pong = server_frame({.opcode = Opcode::pong, .payload = "p"});
    const std::string text = std::string(kGreek) + " and " + kGreek;
    for (const std::size_t size : {1U, 2U, 3U, 7U}) {
        const std::string input = in_fragments(text, size, ping) + client_close(1000);
        std::string output;
        for (std::size_t at = size; at < text.size(); at += size) output += pong;
        output += server_frame({.payload = text}) + server_close(1000);
        CHECK(testing::deliver(echo_server(), input).output == output);
        CHECK(testing::check_deliveries(echo_server(), input) == kNoFindings);
    }
    CHECK(testing::deliver(echo_server(),
                           in_fragments("abc", 1) + client_frame({.opcode = Opcode::continuation}))
              .reason == errc::malformed_message);
}

TEST_CASE("WebSocket: a limit on the size of a message and on its fragments") {
    const websocket::Options options{.max_message = 10, .max_fragments = 3};
    const auto server = echo_server(options);
    const std::string ten(10, 'x');
    CHECK(testing::deliver(server, client_frame({.payload = ten})).output ==
          server_frame({.payload = ten}));
    CHECK(testing::deliver(server, in_fragments(ten, 5)).output == server_frame({.payload = ten}));
    CHECK(testing::deliver(server, in_fragments("abc", 1)).output ==
          server_frame({.payload = "abc"}));
    const std::string large = server_close(1009, "message too large");
    for (const auto& input : {client_frame({.payload = ten + "x"}), in_fragments(ten + "x", 6)}) {
        const auto outcome = testing::deliver(server, input);
        CHECK(outcome.output == large);
        CHECK(outcome.reason == errc::message_too_large);
        CHECK(testing::check_deliveries(server, input) == kNoFindings);
    }
    CHECK(testing::deliver(server, in_fragments("abcd", 1)).output ==
          server_close(1009, "too many fragments"));
    // the announced length is refused before any of it comes
    ServerEnd end({}, options);
    end.send(client_frame({.payload = std::string(1000, 'x')}).substr(0, 8));
    CHECK(end.log.text == "open close:1009/message too large ");
}

TEST_CASE("WebSocket: wrong text fails at its first wrong byte, before the frame is whole") {
    ServerEnd end;
    end.send(client_frame({.payload = "hello \xff" + std::string(100, 'x')}).substr(0, 13));
    CHECK(end.log.text == "open close:1007/text that is not UTF-8 ");
    CHECK(end.peer.received() == server_close(1007, "text that is not UTF-8"));
}

TEST_CASE("WebSocket: the peer closes, and its code and reason are told") {
    ServerEnd end(ws_echo());
    end.send(client_frame({.payload = "a"}) + client_close(4001, "bye") +
             client_frame({.payload = "late"}));
    CHECK(end.log.text == "open text:a close:4001/bye ");
    CHECK(end.peer.received() == server_frame({.payload = "a"}) + server_close(4001));
    CHECK(end.peer.closed());
    CHECK_FALSE(end.peer.close_reason());
    ServerEnd bare;
    bare.send(client_frame({.opcode = Opcode::close}));
    CHECK(bare.log.text == "open close:1005/ ");
    CHECK(bare.peer.received() == server_frame({.opcode = Opcode::close}));
}

TEST_CASE("WebSocket: an end without a Close frame is code 1006") {
    ServerEnd fin;
    fin.peer.shutdown_write();
    fin.driver.run();
    CHECK(fin.log.text == "open close:1006/ ");
    CHECK(fin.peer.close_reason() == errc::incomplete_message);
    ServerEnd reset;
    reset.peer.reset();
    reset.driver.run();
    CHECK(reset.log.text == "open close:1006/ ");
}

TEST_CASE("WebSocket: close() is answered by the peer, and what comes before that is discarded") {
    ServerEnd end;
    end.log.socket->close(1001, "later");
    end.log.socket->close(1002, "twice");
    CHECK(end.log.socket->closing());
    CHECK_FALSE(end.log.socket->send("late"));
    end.driver.run();
    CHECK(end.peer.take_received() == server_close(1001, "later"));
    end.send(client_frame({.payload = "x\xff"}) + in_fragments("abc", 1) +
             client_frame({.opcode = Opcode::ping}) +
             client_frame({.payload = std::string(5000, 'x')}));
    CHECK_FALSE(end.peer.closed());
    end.send(client_close(1001));
    CHECK(end.peer.closed());
    CHECK(end.peer.received() == "");
    CHECK(end.log.text == "open close:1001/ ");
}

TEST_CASE("WebSocket: close() within a message discards the rest of it") {
    ServerEnd end;
    const std::string frame = client_frame({.payload = std::string(100, 'x')});
    end.send(frame.substr(0, 50));
    end.log.socket->close();
    end.send(frame.substr(50) + client_close(1000));
    CHECK(end.log.text == "open close:1000/ ");
}

TEST_CASE("WebSocket: a peer that does not answer the Close frame is reset at close_timeout") {
    ServerEnd end({}, {.close_timeout = 3s});
    end.log.socket->close();
    end.driver.advance(2999ms);
    CHECK_FALSE(end.peer.closed());
    end.driver.advance(1ms);
    CHECK(end.peer.close_reason() == errc::close_timed_out);
    CHECK(end.log.text == "open close:1006/ ");
}

TEST_CASE("WebSocket: the code and the reason of close() are made fit to be sent") {
    ServerEnd wrong;
    wrong.log.socket->close(1006, "no");
    wrong.driver.run();
    CHECK(wrong.peer.received() == server_close(1000, "no"));
    ServerEnd none;
    none.log.socket->close(1005, "no");
    none.driver.run();
    CHECK(none.peer.received() == server_frame({.opcode = Opcode::close}));
    ServerEnd longer;
    longer.log.socket->close(1000, std::string(122, 'x') + "\xce\xba");
    longer.driver.run();
    CHECK(longer.peer.received() == server_close(1000, std::string(122, 'x')));
}

TEST_CASE("WebSocket: a client waits for the server's FIN, and closes itself at close_timeout") {
    for (const bool fin : {true, false}) {
        WsLog log;
        MemoryDriver driver;
        auto& peer = driver.connect(ws_end(&log, {}, {.close_timeout = 3s}, as_client()));
        driver.run();
        peer.send(server_close(1000, "bye"));
        driver.run();
        CHECK_FALSE(peer.closed());
        if (fin) peer.shutdown_write();
        driver.advance(fin ? 0s : 3s);
        CHECK(peer.closed());
        CHECK_FALSE(peer.close_reason());
        CHECK(log.text == "open close:1000/bye ");
    }
}

TEST_CASE("WebSocket: nothing may come after the Close frame of a server") {
    WsLog log;
    MemoryDriver driver;
    auto& peer = driver.connect(ws_end(&log, {}, {}, as_client()));
    peer.send(server_close(1000, "bye"));
    driver.run();
    CHECK_FALSE(peer.closed());
    peer.send(server_frame({.payload = "late"}));
    driver.run();
    CHECK(peer.close_reason() == errc::malformed_message);
    CHECK(log.text == "open close:1000/bye ");
}

TEST_CASE("WebSocket: a wrong frame behind the own Close frame ends it, without another one") {
    ServerEnd end;
    end.log.socket->close(4000, "mine");
    CHECK(end.log.socket->closing());
    end.send(client_frame({.payload = "a", .rsv1 = true}));
    end.peer.shutdown_write();
    end.driver.run();
    CHECK(end.peer.received() == server_close(4000, "mine"));
    CHECK(end.peer.close_reason() == errc::malformed_message);
    CHECK(end.log.text == "open close:1006/ ");
}

TEST_CASE(
    "WebSocket: a socket that closes is told of neither room nor a drain, and does not pause") {
    ServerEnd end;
    end.peer.set_window(1'000);
    while (end.log.socket->send(std::string(40'000, 'x'))) continue;
    end.log.socket->close();
    end.log.socket->pause();
    end.peer.set_window(1'000'000);
    end.driver.drain();
    end.driver.run();
    CHECK(end.log.text == "open ");
    end.send(client_close(1000));
    CHECK(end.log.text == "open close:1000/ ");
    CHECK(end.peer.received().ends_with(server_close(1000)));
}

TEST_CASE("WebSocket: a peer that answers each Ping at once is kept") {
    ServerEnd end({}, {.idle_timeout = 120s});
    for (int i = 0; i < 20; ++i) {
        end.driver.advance(60s);
        const std::string frames = end.peer.take_received();
        if (frames.starts_with("\x89")) end.peer.send(client_frame({.opcode = Opcode::pong}));
        end.driver.run();
    }
    CHECK_FALSE(end.peer.closed());
}

TEST_CASE("WebSocket: a paused socket that closes reads the peer's Close frame") {
    ServerEnd end;
    end.log.socket->pause();
    end.log.socket->close(1000);
    end.driver.run();
    end.peer.send(client_frame({.opcode = Opcode::close, .payload = "\x03\xe8"}));
    end.driver.run();
    CHECK(has(end.log.text, "close:1000"));
}

TEST_CASE("WebSocket: a silent peer gets a Ping at half of idle_timeout, and ends at the whole") {
    ServerEnd end({}, {.idle_timeout = 60s});
    end.driver.advance(29'999ms);
    CHECK(end.peer.received() == "");
    end.driver.advance(1ms);
    CHECK(end.peer.take_received() == server_frame({.opcode = Opcode::ping}));
    end.driver.advance(20s);
    end.send(client_frame({.opcode = Opcode::pong}));  // any byte is life
    end.driver.advance(29s);
    CHECK(end.peer.received() == "");
    end.driver.advance(1s);
    CHECK(end.peer.take_received() == server_frame({.opcode = Opcode::ping}));
    end.driver.advance(29'999ms);
    CHECK_FALSE(end.peer.closed());
    end.driver.advance(1ms);
    CHECK(end.peer.close_reason() == errc::idle_timed_out);
    CHECK(end.log.text == "open pong: close:1006/ ");
    ServerEnd patient({}, {.idle_timeout = 0s});
    patient.driver.advance(24h);
    CHECK(patient.peer.received() == "");
    CHECK_FALSE(patient.peer.closed());
}

TEST_CASE("WebSocket: pause() stops messages, and a paused peer is not idle") {
    ServerEnd end({}, {.idle_timeout = 60s});
    end.log.socket->pause();
    end.send(client_frame({.payload = "a"}) + client_frame({.payload = "b"}));
    end.driver.advance(1h);
    CHECK(end.log.text == "open ");
    CHECK_FALSE(end.peer.closed());
    end.log.socket->resume();
    end.driver.run();
    CHECK(end.log.text == "open text:a text:b ");
    ServerEnd once({.on_message = [](WsSocket& s, Kind, MutableBytes) { s.pause(); }});
    once.send(client_frame({.payload = "a"}) + client_frame({.payload = "b"}));
    CHECK(once.log.text == "open text:a ");
    once.log.socket->resume();
    once.driver.run();
    CHECK(once.log.text == "open text:a text:b ");
}

TEST_CASE("WebSocket: send() tells of backpressure, and on_writable of room") {
    ServerEnd end;
    end.peer.set_window(1000);
    const std::string large(40'000, 'x');
    std::size_t sent = 0;
    while (end.log.socket->send(large)) ++sent;
    CHECK(sent >= 1);
    end.driver.run();
    CHECK(end.log.socket->queued() > 64 * 1024);
    CHECK(end.log.text == "open ");
    end.peer.set_window(1'000'000);
    end.driver.run();
    CHECK(end.log.text == "open writable ");
    CHECK(end.log.socket->queued() == 0);
    std::string expected;
    for (std::size_t i = 0; i <= sent; ++i) expected += server_frame({.payload = large});
    CHECK(end.peer.received() == expected);
}

TEST_CASE("WebSocket: a peer that reads slowly is not idle while its window is full") {
    ServerEnd end({}, {.idle_timeout = 10s}, {.write_stall_timeout = 1h});
    end.peer.set_window(1000);
    while (end.log.socket->send(std::string(40'000, 'x'))) continue;
    end.driver.advance(5min);
    CHECK_FALSE(end.peer.closed());
}

TEST_CASE("WebSocket: a message in pieces, and in fragments") {
    ServerEnd end;
    std::vector<Bytes> pieces;
    for (int i = 0; i < 12; ++i) pieces.push_back(as_bytes("ab"));
    end.log.socket->send(Kind::binary, pieces);
    end.log.socket->begin(Kind::text);
    end.log.socket->part(as_bytes("\xce"));
    end.log.socket->ping(as_bytes("p"));
    CHECK_THROWS_AS(end.log.socket->send("no"), std::logic_error);
    CHECK_THROWS_AS(end.log.socket->begin(Kind::text), std::logic_error);
    end.log.socket->part(as_bytes("\xba"));
    end.log.socket->end();
    CHECK_THROWS_AS(end.log.socket->end(), std::logic_error);
    end.log.socket->begin(Kind::binary);
    end.log.socket->end();
    end.driver.run();
    CHECK(end.peer.received() ==
          server_frame({.opcode = Opcode::binary, .payload = "abababababababababababab"}) +
              server_frame({.payload = "\xce", .fin = false}) +
              server_frame({.opcode = Opcode::ping, .payload = "p"}) +
              server_frame({.opcode = Opcode::continuation, .payload = "\xba", .fin = false}) +
              server_frame({.opcode = Opcode::continuation}) +
              server_frame({.opcode = Opcode::binary}));
}

TEST_CASE("WebSocket: a handle outlives its socket") {
    ServerEnd end;
    const auto handle = end.log.socket->handle();
    CHECK(handle.get() == end.log.socket);
    CHECK(websocket::Handle().get() == nullptr);
    end.peer.reset();
    end.driver.run();
    CHECK(handle.get() == nullptr);
}

TEST_CASE("WebSocket: a drain closes with code 1001") {
    ServerEnd end;
    end.driver.drain();
    end.driver.run();
    CHECK(end.peer.received() == server_close(1001));
    end.send(client_close(1001));
    CHECK(end.peer.closed());
    CHECK(end.log.text == "open close:1001/ ");
    ServerEnd slow;
    slow.driver.drain();
    slow.driver.advance(5s);
    CHECK_FALSE(slow.peer.closed());
    slow.send(client_close(1001));
    CHECK(slow.log.text == "open close:1001/ ");
}

TEST_CASE("WebSocket: a handler that throws, closes or aborts ends only its connection") {
    ServerEnd throws(
        {.on_message = [](WsSocket&, Kind, MutableBytes) { throw std::runtime_error("no"); }});
    throws.send(client_frame({.payload = "a"}) + client_frame({.payload = "b"}));
    CHECK(throws.log.text == "open text:a close:1006/ ");
    CHECK(throws.peer.failure() == "on_data threw: no");
    ServerEnd closes({.on_message = [](WsSocket& s, Kind, MutableBytes) { s.close(); }});
    closes.send(client_frame({.payload = "a"}) + client_frame({.payload = "b"}) +
                client_close(1000));
    CHECK(closes.log.text == "open text:a close:1000/ ");
    ServerEnd aborts({.on_message = [](WsSocket& s, Kind, MutableBytes) {
        s.connection().abort(make_error_code(std::errc::operation_canceled));
        CHECK_FALSE(s.send("late"));
        s.close();
        s.ping();
    }});
    aborts.send(client_frame({.payload = "a"}) + client_frame({.payload = "b"}));
    CHECK(aborts.log.text == "open text:a close:1006/ ");
    CHECK(aborts.peer.writes_after_close() == 0);
}

TEST_CASE("WebSocket: a client's frames are masked, each with a mask of its own") {
    WsLog log;
    MemoryDriver driver;
    std::uint32_t mask = 0x01020304;
    auto& peer =
        driver.connect(ws_end(&log, {}, {.mask = [&mask] { return mask++; }}, as_client()));
    driver.run();
    const std::string large(20'001, 'z');
    log.socket->send("hello");
    log.socket->send(large);
    log.socket->ping();
    driver.run();
    CHECK(peer.received() == client_frame({.payload = "hello"}, 0x01020304) +
                                 client_frame({.payload = large}, 0x01020305) +
                                 client_frame({.opcode = Opcode::ping}, 0x01020306));
    peer.send(client_frame({.payload = "masked"}));
    driver.run();
    CHECK(log.text == "open close:1002/masked by a server ");
}

TEST_CASE("WebSocket: two ends talk, whatever the network does") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        WsLog client, server;
        MemoryDriver driver(
            {.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
        const std::string large(9'000, 'x');
        const WsHandler::Does talk{.on_open =
                                       [&](WsSocket& s) {
                                           s.send("hello");
                                           s.send(Kind::binary, as_bytes(large));
                                           s.begin(Kind::text);
                                           s.part(as_bytes("\xce"));
                                           s.part(as_bytes("\xba"));
                                           s.end();
                                       },
                                   .on_message =
                                       [&](WsSocket& s, Kind kind, MutableBytes message) {
                                           if (kind == Kind::text && as_text(message) != "hello")
                                               s.close(4000, "done");
                                       }};
        driver.join(ws_end(&client, talk, {}, as_client()), ws_end(&server, ws_echo()), {}, 700);
        driver.run();
        CHECK(client.text == "open text:hello binary:" + large + " text:\xce\xba close:4000/ ");
        CHECK(server.text == "open text:hello binary:" + large + " text:\xce\xba close:4000/done ");
        CHECK(driver.open() == 0);
    }
}

TEST_CASE("WebSocket: conforms, whatever the peer does") {
    CHECK(testing::check_robustness(echo_server(), 200) == kNoFindings);
    CHECK(testing::check_robustness([] { return ws_end(nullptr, ws_echo(), {}, as_client()); },
                                    200) == kNoFindings);
}

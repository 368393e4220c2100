// The deflate streams and their pool, and permessage-deflate of two ends.
#include <doctest/doctest.h>

#include <extension.hpp>
#include <random>
#include <switchboard/deflate.hpp>
#include <switchboard/gzip.hpp>

#include "ends.hpp"
#include "process.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace switchboard::websocket::detail;
using testing::MemoryDriver;
using Buffer = std::pmr::vector<std::byte>;

namespace {

std::string text_of(const Buffer& bytes) {
    return std::string(as_text(bytes));
}

Buffer compressed(Deflater& stream, std::string_view text) {
    Buffer out;
    const Bytes piece = as_bytes(text);
    stream.compress({&piece, 1}, out);
    return out;
}

std::string random_text(std::size_t size) {
    std::mt19937 random(7);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random() & 0xffU);
    return text;
}

websocket::Options deflating(bool takeover = false, unsigned bits = 15) {
    return {.deflate = {
                .enabled = true, .takeover = takeover, .stream = {.window_bits = bits}, .from = 1}};
}

Opening agreed(Role role, bool takeover = false, unsigned bits = 15) {
    return {.role = role,
            .deflate = Agreed{.own_takeover = takeover,
                              .peer_takeover = takeover,
                              .own_bits = bits,
                              .peer_bits = bits}};
}

// The payload of one compressed message.
std::string payload_of(std::string_view text) {
    Deflater stream;
    Buffer out;
    const Bytes piece = as_bytes(text);
    compress_message(stream, {&piece, 1}, out);
    return text_of(out);
}

ProtocolFactory deflating_echo(std::size_t max_message = 1024 * 1024) {
    auto options = deflating();
    options.max_message = max_message;
    return [options] { return ws_end(nullptr, ws_echo(), options, agreed(Role::server)); };
}

}  // namespace

TEST_CASE("deflate: what is compressed is decompressed, of every size, in pieces") {
    for (const std::size_t size : {1U, 63U, 64U, 65U, 1000U, 65'536U, 300'000U}) {
        for (const auto& text : {std::string(size, 'a'), random_text(size)}) {
            Deflater deflater;
            Inflater inflater;
            for (int again = 0; again < 3; ++again) {
                const Buffer small = compressed(deflater, text);
                CHECK(text_of(small).ends_with(std::string_view("\0\0\xff\xff", 4)));
                Buffer out;
                const std::size_t half = small.size() / 2;
                CHECK(inflater.decompress(Bytes(small).first(half), out, size) ==
                      Inflater::Outcome::ok);
                CHECK(inflater.decompress(Bytes(small).subspan(half), out, size) ==
                      Inflater::Outcome::ok);
                CHECK(text_of(out) == text);
                CHECK(inflater.is_between_blocks());
            }
        }
    }
}

TEST_CASE("deflate: many empty blocks cost time in proportion to their number") {
    std::string blocks;
    for (int i = 0; i < 400'000; ++i) blocks += std::string("\x03\x00", 2);
    Inflater inflater;
    std::pmr::vector<std::byte> out;
    const auto began = std::chrono::steady_clock::now();
    CHECK(inflater.decompress(as_bytes(blocks), out, 1'000'000) == Inflater::Outcome::ok);
    CHECK(out.empty());
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST_CASE("deflate: a bomb stops at the limit, and what is not deflate is refused") {
    Deflater deflater;
    const Buffer bomb = compressed(deflater, std::string(50'000'000, 'x'));
    CHECK(bomb.size() < 60'000);
    Inflater inflater;
    Buffer out;
    CHECK(inflater.decompress(bomb, out, 1000) == Inflater::Outcome::too_large);
    CHECK(out.capacity() < 4096);
    inflater.reset();
    out.clear();
    CHECK(inflater.decompress(as_bytes("\xff\xff\xff"), out, 1000) == Inflater::Outcome::malformed);
}

TEST_CASE("deflate: a pool lends streams as new, and keeps few") {
    DeflatePool pool({.memory_level = 1});
    CHECK(pool.kept() == 0);
    const std::string first = text_of(compressed(*pool.deflater(9), "hello hello"));
    CHECK(pool.kept() == 1);
    CHECK(text_of(compressed(*pool.deflater(9), "hello hello")) == first);
    CHECK(pool.kept() == 1);
    {
        std::vector<DeflatePool::Lease<Inflater>> many;
        for (std::size_t i = 0; i < 20; ++i) many.push_back(pool.inflater());
    }
    CHECK(pool.kept() == 1 + DeflatePool::kMostKept);
}

TEST_CASE("deflate: gzip(1) and gzip() agree") {
    DeflatePool pool;
    for (const std::string& text :
         {std::string(), std::string("x"), numbers(300'000), random_text(70'000)}) {
        CAPTURE(text.size());
        Buffer out;
        gzip(pool, as_bytes(text), out);
        const auto finished = support::run({"gzip", "-dc"}, text_of(out));
        CHECK(finished.status == 0);
        CHECK(finished.errors == "");
        CHECK(finished.output == text);
    }
    CHECK(pool.kept() == 1);
}

TEST_CASE("WebSocket deflate: two ends talk with and without takeover, with each window") {
    const std::string large = random_text(20'000) + std::string(50'000, 'a');
    for (const bool takeover : {false, true}) {
        for (const unsigned bits : {9U, 12U, 15U}) {
            WsLog client, server;
            MemoryDriver driver({.seed = bits, .short_reads = true, .short_writes = true});
            const WsHandler::Does talk{.on_open = [&](WsSocket& s) {
                for (int i = 0; i < 4; ++i) s.send("hello hello hello");
                s.send("");
                s.send(Kind::binary, as_bytes(large));
                s.close();
            }};
            driver.join(ws_end(&client, talk, deflating(takeover, bits),
                               agreed(Role::client, takeover, bits)),
                        ws_end(&server, {}, deflating(takeover, bits),
                               agreed(Role::server, takeover, bits)));
            driver.run();
            std::string expected = "open ";
            for (int i = 0; i < 4; ++i) expected += "text:hello hello hello ";
            CHECK(server.text == expected + "text: binary:" + large + " close:1000/ ");
        }
    }
}

TEST_CASE("WebSocket deflate: takeover makes the second message smaller") {
    std::size_t sizes[2] = {};
    for (const bool takeover : {false, true}) {
        WsLog log;
        MemoryDriver driver;
        auto& peer =
            driver.connect(ws_end(&log, {}, deflating(takeover), agreed(Role::server, takeover)));
        driver.run();
        const std::string text =
            R"({"symbol":"ABCD","price":100.25,"size":300} and some more of it)";
        log.socket->send(text);
        log.socket->send(text);
        driver.run();
        sizes[takeover ? 1 : 0] = peer.received().size();
    }
    CHECK(sizes[1] < sizes[0] * 2 / 3);
}

TEST_CASE("WebSocket deflate: messages are decompressed, at every split and in fragments") {
    const std::string text = "hello hello hello hello";
    const std::string payload = payload_of(text);
    const std::string whole = client_frame({.payload = payload, .rsv1 = true});
    const std::string parts =
        client_frame({.payload = payload.substr(0, 3), .fin = false, .rsv1 = true}) +
        client_frame({.opcode = Opcode::ping}) +
        client_frame({.opcode = Opcode::continuation, .payload = payload.substr(3)});
    const std::string plain = client_frame({.payload = text});
    const std::string answer = server_frame({.payload = payload, .rsv1 = true});
    const std::string pong = server_frame({.opcode = Opcode::pong});
    const std::string input = whole + parts + plain;
    CHECK(testing::deliver(deflating_echo(), input).output == answer + pong + answer + answer);
    CHECK(testing::check_deliveries(deflating_echo(), input) == kNoFindings);
    CHECK(testing::check_robustness(deflating_echo(), 100) == kNoFindings);
}

TEST_CASE("WebSocket deflate: an empty message, a final block, and two blocks (RFC 7692, 7.2.3)") {
    const std::string examples[] = {
        std::string("\x00", 1), std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7),
        std::string("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11),
        std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8),
        std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)};
    WsLog log, second;
    MemoryDriver driver;
    auto& peer = driver.connect(ws_end(&log, {}, deflating(), agreed(Role::server)));
    for (const auto& payload : examples)
        peer.send(client_frame({.payload = payload, .rsv1 = true}));
    driver.run();
    CHECK(log.text == "open text: text:Hello text:Hello text:Hello text:Hello ");
    // with takeover the second message may refer to the first (7.2.3.2)
    auto& next = driver.connect(ws_end(&second, {}, deflating(true), agreed(Role::server, true)));
    next.send(client_frame({.payload = examples[1], .rsv1 = true}) +
              client_frame({.payload = std::string("\xf2\x00\x11\x00\x00", 5), .rsv1 = true}));
    driver.run();
    CHECK(second.text == "open text:Hello text:Hello ");
}

TEST_CASE("WebSocket deflate: a bomb is code 1009, wrong text and wrong deflate are 1007") {
    const auto close_of = [](const std::string& payload) {
        const auto input = client_frame({.payload = payload, .rsv1 = true});
        CHECK(testing::check_deliveries(deflating_echo(1000), input, {.most_splits = 50}) ==
              kNoFindings);
        return testing::deliver(deflating_echo(1000), input).output;
    };
    CHECK(close_of(payload_of(std::string(1001, 'x'))) == server_close(1009, "message too large"));
    CHECK(close_of(payload_of(std::string(900'000, 'x'))) ==
          server_close(1009, "message too large"));
    CHECK(close_of(payload_of(random_text(2500))) == server_close(1009, "message too large"));
    CHECK(close_of(payload_of("\xff")) == server_close(1007, "text that is not UTF-8"));
    CHECK(close_of("\xff\xff\xff") == server_close(1007, "message that is not deflate"));
    CHECK(close_of(payload_of("hello hello hello").substr(0, 4)) ==
          server_close(1007, "message that is not deflate"));
    CHECK(testing::deliver(
              deflating_echo(1000),
              client_frame({.payload = payload_of(std::string(1000, 'x')), .rsv1 = true}))
              .output.size() < 100);
}

namespace {

// What a server with those options answers to an offer; "" if it declines.
std::string answer_to(std::string_view offer, const websocket::Options& options) {
    const Field field{"Sec-WebSocket-Extensions", offer};
    const auto accepted = accept_offer(Fields{{&field, 1}}, options.deflate);
    return accepted ? accepted->field : "";
}

std::string verdict_on(std::string_view answer, const websocket::Options& options) {
    const Field field{"sec-websocket-extensions", answer};
    std::optional<Agreed> got;
    const char* const wrong = read_answer(Fields{{&field, 1}}, options.deflate, got);
    return wrong != nullptr ? wrong : got ? "agreed" : "none";
}

}  // namespace

TEST_CASE("WebSocket deflate: a server answers offers as RFC 7692 says") {
    const std::string none =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    CHECK(answer_to("permessage-deflate", {}) == "");
    CHECK(answer_to("permessage-deflate", deflating()) == none);
    CHECK(answer_to("permessage-deflate; client_max_window_bits", deflating()) == none);
    CHECK(answer_to("permessage-deflate", deflating(true)) == "permessage-deflate");
    CHECK(answer_to("permessage-deflate;server_no_context_takeover", deflating(true)) ==
          "permessage-deflate; server_no_context_takeover");
    CHECK(answer_to("permessage-deflate; server_max_window_bits=10", deflating(true)) ==
          "permessage-deflate; server_max_window_bits=10");
    CHECK(answer_to("permessage-deflate; client_max_window_bits; server_max_window_bits=\"15\"",
                    deflating(true, 12)) ==
          "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12");
    CHECK(answer_to("permessage-deflate; server_max_window_bits=8, permessage-deflate",
                    deflating(true)) == "permessage-deflate");
    for (const char* const wrong :
         {"permessage-deflate; x", "permessage-deflate; server_max_window_bits",
          "x-webkit-deflate-frame", "", "permessage-deflate; server_max_window_bits=7",
          "permessage-deflate; server_max_window_bits=16",
          "permessage-deflate; server_max_window_bits=08",
          "permessage-deflate; client_max_window_bits=",
          "permessage-deflate; client_no_context_takeover=1",
          "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
          "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"})
        CHECK_MESSAGE(answer_to(wrong, deflating()) == "", wrong);
}

TEST_CASE("WebSocket deflate: a client checks the answer to its offer") {
    CHECK(make_offer(deflating().deflate) ==
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
          "client_max_window_bits");
    CHECK(make_offer(deflating(true, 10).deflate) ==
          "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10");
    CHECK(verdict_on("", deflating()) == "none");
    CHECK(verdict_on("permessage-deflate", deflating(true)) == "agreed");
    CHECK(verdict_on("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
                     deflating(true, 10)) == "agreed");
    CHECK(verdict_on("permessage-deflate", {}) == "extension that was not offered");
    CHECK(verdict_on("foo", deflating()) == "wrong Sec-WebSocket-Extensions");
    CHECK(verdict_on("permessage-deflate, permessage-deflate", deflating(true)) ==
          "extension that was not offered");
    CHECK(verdict_on("permessage-deflate", deflating()) == "no server_no_context_takeover");
    CHECK(verdict_on("permessage-deflate", deflating(true, 10)) == "wrong server_max_window_bits");
    CHECK(verdict_on("permessage-deflate; server_max_window_bits=11", deflating(true, 10)) ==
          "wrong server_max_window_bits");
    CHECK(verdict_on("permessage-deflate; client_max_window_bits", deflating(true)) ==
          "wrong Sec-WebSocket-Extensions");
    CHECK(verdict_on("permessage-deflate; server_max_window_bits=1000000", deflating(true)) ==
          "wrong Sec-WebSocket-Extensions");
}

// Compressed bodies.
#include <doctest/doctest.h>
#include <zlib.h>

#include <gunzip.hpp>

#include "client_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using http::detail::Gunzip;

namespace {

std::string gzipped(const std::string& text) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    std::string in = text;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

const std::string kGzip = "Content-Encoding: gzip\r\n";

// Decompresses in parts of that size. "!" at the end: malformed; "?": more is needed.
std::string gunzipped(const std::string& in, std::size_t part) {
    Gunzip gunzip;
    std::string out;
    for (std::size_t at = 0; at < in.size(); at += part) {
        gunzip.add(as_bytes(std::string_view(in).substr(at, part)));
        Bytes piece;
        for (auto outcome = Gunzip::Outcome::data; outcome == Gunzip::Outcome::data;) {
            outcome = gunzip.next(piece);
            if (outcome == Gunzip::Outcome::malformed) return out + "!";
            if (outcome == Gunzip::Outcome::data) out += as_text(piece);
        }
    }
    return gunzip.is_whole() ? out : out + "?";
}

}  // namespace

TEST_CASE("http gzip: bodies in any parts, members, and what is malformed") {
    const std::string text = numbers(100'000), whole = gzipped(text);
    for (const std::size_t part : {std::size_t{1}, std::size_t{7}, whole.size()}) {
        CHECK((gunzipped(whole, part) == text));
        CHECK((gunzipped(whole + gzipped("more") + gzipped(""), part) == text + "more"));
        CHECK(gunzipped(whole.substr(0, whole.size() - 1), part).ends_with("?"));
        CHECK(gunzipped(whole + "x", part).ends_with("?"));
        CHECK(gunzipped(whole + "xyz", part).ends_with("!"));
        std::string broken = whole;
        broken[broken.size() - 8] = static_cast<char>(broken[broken.size() - 8] ^ 1);  // the CRC
        CHECK(gunzipped(broken, part).ends_with("!"));
    }
    CHECK(gunzipped("hello", 1) == "!");
    CHECK(gunzipped("", 1).empty());
}

TEST_CASE("http gzip: a reply is decompressed if the client asked for it") {
    Net net;
    RawServer server;
    const auto at = net.serve(server);
    const std::string text = numbers(300'000), body = gzipped(text);
    for (const char* const name : {"gzip", "GZip", "x-gzip"}) {
        server.answer = says(reply_of(body, "Content-Encoding: " + std::string(name) + "\r\n"));
        const auto got = net.get(url_of(at));
        CHECK((got.reply().body == text));
        CHECK(got.reply().field("Content-Encoding") == name);
    }
    server.answer = says(reply_of(body, kGzip));
    const auto raw = [&](http::FieldList fields) {
        return net.send({.url = url_of(at), .fields = std::move(fields)}).reply().body == body;
    };
    CHECK(raw({{"Accept-Encoding", "gzip"}}));
    CHECK(raw({{"Range", "bytes=0-"}}));
    server.answer = says(reply_of(body, "Content-Encoding: br\r\n"));
    CHECK(raw({}));
    server.answer = says(reply_of(body, kGzip, "206 Partial Content"));
    CHECK(raw({}));
    server.answer = says(reply_of("", kGzip));
    CHECK(net.get(url_of(at)).reply().body.empty());
    server.answer = says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n" + kGzip + "\r\n");
    CHECK(net.send({.method = "HEAD", .url = url_of(at)}).reply().status == 200);
    Net without({.gzip = false});
    RawServer other;
    other.answer = says(reply_of(body, kGzip));
    CHECK((without.get(url_of(without.serve(other))).reply().body == body));
    CHECK_FALSE(has(other.heads[0], "Accept-Encoding"));
}

TEST_CASE("http gzip: bodies that are cut off or broken") {
    Net net;
    RawServer server;
    const auto at = net.serve(server);
    const std::string body = gzipped(numbers(100'000));
    server.answer = says(reply_of(body.substr(0, body.size() / 2), kGzip));
    CHECK(net.get(url_of(at)).error() == errc::incomplete_message);
    server.answer = says(reply_of("this is not gzip", kGzip));
    CHECK(net.get(url_of(at)).error() == make_error_code(http::client_errc::bad_encoding));
    server.answer = says(reply_of(body + "and more", kGzip));
    CHECK(net.get(url_of(at)).error() == make_error_code(http::client_errc::bad_encoding));
}

TEST_CASE("http gzip: max_body bounds what a bomb becomes") {
    Net net({.max_body = 1'000'000});
    RawServer server;
    const auto at = net.serve(server);
    const std::string bomb = gzipped(std::string(50'000'000, 'x'));
    CHECK(bomb.size() < 60'000);
    server.answer = says(reply_of(bomb, kGzip));
    CHECK(net.get(url_of(at)).error() == errc::message_too_large);
    server.answer = says(reply_of(gzipped(std::string(1'000'000, 'x')), kGzip));
    CHECK(net.get(url_of(at)).reply().body.size() == 1'000'000);
    server.answer = says(reply_of(gzipped(std::string(1'000'001, 'x')), kGzip));
    CHECK(net.get(url_of(at)).error() == errc::message_too_large);
}

TEST_CASE("http gzip: a streamed bomb comes in small pieces, and each may pause") {
    Net net;
    RawServer server;
    const std::string text = numbers(1'000'000);
    server.answer = says(reply_of(gzipped(text), kGzip));
    std::string body;
    std::size_t largest = 0;
    http::Client::Id id;
    Got got;
    id = net.client->send({.url = url_of(net.serve(server))}, got.done(),
                          {.on_piece = [&](Bytes piece) {
                              body += as_text(piece);
                              largest = std::max(largest, piece.size());
                              net.reactor.post([&] { net.client->resume(id); });
                              return false;
                          }});
    run_until(net.reactor, [&] { return got.result.has_value(); });
    CHECK(got.reply().status == 200);
    CHECK((body == text));
    CHECK(largest <= 16 * 1024);
}

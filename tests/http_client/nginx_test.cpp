// The client and nginx: as a server, as a proxy, and between the client and our own server.
#include "nginx.hpp"
#include "client_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

// "a" is a file. Server-side includes make its length unknown, so "/chunked/" is sent in chunks.
const std::string kSite =
    "    location = /count { return 200 '$connection $connection_requests'; }\n"
    "    location = /twice { return 302 /moved; }\n"
    "    location = /moved { return 301 /a; }\n"
    "    location = /around { return 302 /around; }\n"
    "    location = /denied { deny all; }\n"
    "    location = /silent { return 444; }\n"
    "    location = /short { client_max_body_size 1000; proxy_pass http://127.0.0.1:1; }\n"
    "    location /chunked/ { alias root/; ssi on; ssi_types *; }\n"
    "    location /gzip/ { alias root/; gzip on; gzip_types *; }\n"
    "    location /put/ { alias root/; dav_methods PUT DELETE; client_max_body_size 0; }\n";

// Sends the text in pieces.
std::function<bool(http::BodyWriter&)> source_of(std::string_view text) {
    return [text](http::BodyWriter& to) mutable {
        while (!text.empty()) {
            const auto piece = text.substr(0, 10'000);
            text.remove_prefix(piece.size());
            if (!to.write(piece)) return true;
        }
        return false;
    };
}

// Sends the body back: /whole at once, /pieces in chunks while it comes.
http::Server echo_site() {
    http::Server server;
    server.route("POST", "/whole", [](const Request& request, Response& response) {
        response.send(as_text(request.body()));
    });
    server.route("POST", "/pieces",
                 [](const Request&, Response& response) {
                     const auto stream = std::make_shared<http::Stream>(response.stream());
                     response.read({.on_piece = [stream](Bytes piece, bool last) {
                         stream->write(piece);
                         if (last) stream->end();
                     }});
                 },
                 {.body = http::Body::stream});
    return server;
}

// Sends `count` bodies of different sizes, with a length or in chunks, as many at once as the client allows.
void exchange_bodies(Net& net, const Nginx& nginx, std::size_t count) {
    const std::string text = numbers(300'000);
    const auto body_of = [&](std::size_t call) {
        const std::size_t most = call % 50 == 0 ? text.size() : 3'000;
        return std::string_view(text).substr(call, call * 37 % most);
    };
    std::vector<Got> got(count);
    std::size_t ended = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Call call{.method = "POST", .url = nginx.url(i % 2 == 0 ? "/whole" : "/pieces")};
        if (i % 4 < 2)
            call.body = body_of(i);
        else
            call.body_source = source_of(body_of(i));
        net.client->send(std::move(call), [&, done = got[i].done()](Result<Reply> reply) {
            ++ended;
            done(std::move(reply));
        });
    }
    run_until(net.reactor, [&] { return ended == count; });
    std::size_t same = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (got[i].reply().status == 200 && got[i].reply().body == body_of(i)) ++same;
    CHECK(same == count);
}

}  // namespace

TEST_CASE("http client and nginx: files, in chunks, compressed, and behind redirects") {
    if (!machine_has(kNginx)) return;
    Nginx nginx(kSite);
    const std::string text = numbers(500'000);
    nginx.write("a", text);
    Net net;
    const auto plain = net.get(nginx.url("/a"));
    CHECK((plain.reply().body == text));
    CHECK(plain.reply().field("content-length") == "500000");
    const auto chunked = net.get(nginx.url("/chunked/a"));
    CHECK((chunked.reply().body == text));
    CHECK(chunked.reply().field("transfer-encoding") == "chunked");
    const auto gzip = net.get(nginx.url("/gzip/a"));
    CHECK((gzip.reply().body == text));
    CHECK(gzip.reply().field("content-encoding") == "gzip");
    const auto moved = net.get(nginx.url("/twice"));
    CHECK((moved.reply().body == text));
    CHECK(moved.reply().url == nginx.url("/a"));
    CHECK(net.get(nginx.url("/around")).error() == http::client_errc::too_many_redirects);
    const auto range = net.send({.url = nginx.url("/a"), .fields = {{"Range", "bytes=10-19"}}});
    CHECK(range.reply().status == 206);
    CHECK(range.reply().body == text.substr(10, 10));
    CHECK(net.send({.method = "HEAD", .url = nginx.url("/a")}).reply().body.empty());
    CHECK(nginx.stop() == "");
}

TEST_CASE("http client and nginx: bodies with a length and in chunks") {
    if (!machine_has(kNginx)) return;
    Nginx nginx(kSite);
    const std::string text = numbers(1'000'000);
    Net net;
    for (const bool with_length : {true, false}) {
        CAPTURE(with_length);
        Call put{.method = "PUT", .url = nginx.url("/put/a"), .body_source = source_of(text)};
        if (with_length) put.body_length = text.size();
        CHECK(net.send(put).reply().status == 201);
        CHECK((net.get(nginx.url("/put/a")).reply().body == text));
        CHECK(net.send({.method = "DELETE", .url = nginx.url("/put/a")}).reply().status == 204);
    }
    CHECK(nginx.stop() == "");
}

TEST_CASE("http client and nginx: a connection is used again for as long as nginx keeps it") {
    if (!machine_has(kNginx)) return;
    Nginx nginx(kSite + "    keepalive_requests 3;\n");
    Net net;
    std::vector<std::string> seen;
    for (int call = 0; call < 6; ++call) seen.push_back(net.get(nginx.url("/count")).reply().body);
    const auto connection = [](const std::string& told) { return told.substr(0, told.find(' ')); };
    for (std::size_t call = 0; call < seen.size(); ++call) {
        CAPTURE(seen[call]);
        CHECK(seen[call].ends_with(" " + std::to_string(call % 3 + 1)));
        CHECK(connection(seen[call]) == connection(seen[call / 3 * 3]));
    }
    CHECK(connection(seen[0]) != connection(seen[3]));
    CHECK(nginx.stop() == "");
}

TEST_CASE("http client and nginx: what nginx refuses is a reply, and silence is an error") {
    if (!machine_has(kNginx)) return;
    Nginx nginx(kSite);
    Net net;
    nginx.write("a", "x");
    CHECK(net.get(nginx.url("/none")).reply().status == 404);
    CHECK(net.get(nginx.url("/denied")).reply().status == 403);
    CHECK(net.send({.method = "POST", .url = nginx.url("/a"), .body = "x"}).reply().status == 405);
    const std::string much(3'000'000, 'x');
    const auto early = net.send({.method = "POST", .url = nginx.url("/short"), .body = much});
    CHECK(early.reply().status == 413);
    CHECK(net.get(nginx.url("/short")).reply().status == 502);
    CHECK(net.get(nginx.url("/silent")).error() == errc::incomplete_message);
    nginx.stop();  // it logs what it refuses
    CHECK(net.get(nginx.url("/count")).error() == std::errc::connection_refused);
}

// nginx takes no CONNECT.
TEST_CASE("http client and nginx: as a proxy it passes on requests, and refuses tunnels") {
    if (!machine_has(kNginx)) return;
    Nginx nginx("    location / { proxy_pass http://$http_host$request_uri; }\n");
    Net net({.proxy = nginx.url("")});
    const auto at = net.serve(site());
    const auto page = net.get(url_of(at));
    CHECK(page.reply().body == "hello");
    CHECK(page.reply().field("server").starts_with("nginx"));
    const std::string text = numbers(100'000);
    CHECK((net.send({.method = "POST", .url = url_of(at), .body = text}).reply().body == text));
    CHECK(nginx.stop() == "");
    Nginx strict("");
    Net tunnel({.proxy = strict.url("")});
    CHECK(tunnel.get(url_of(at, "/", "https")).error() == http::client_errc::proxy_refused);
}

TEST_CASE(
    "http client and nginx: 1,000 requests through it to our own server, and the same bytes") {
    if (!machine_has(kNginx)) return;
    for (const std::string buffering : {"on", "off"}) {
        CAPTURE(buffering);
        Net net({.per_origin = 8});
        std::size_t connections = 0;
        const http::Server server = echo_site();
        const auto at = listen_on(net.reactor, [&, make = server.factory()] {
                            ++connections;
                            return make();
                        }).local;
        Nginx nginx("    client_max_body_size 0;\n    proxy_buffering " + buffering +
                        ";\n    proxy_request_buffering " + buffering + ";\n" + kNginxPass,
                    nginx_upstream(std::to_string(at.port())));
        exchange_bodies(net, nginx, 500);
        CHECK(connections <= 2 * 8);
        CHECK(nginx.stop() == "");
    }
}

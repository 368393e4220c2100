// Client against our own server, and against servers that misbehave, on one reactor.
#include <doctest/doctest.h>

#include "client_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("http client: a page, and what the server saw") {
    Net net;
    const auto at = net.serve(site());
    const auto got = net.get(url_of(at));
    CHECK(got.reply().status == 200);
    CHECK(got.reply().body == "hello");
    CHECK(got.reply().field("content-length") == "5");
    CHECK(got.reply().url == url_of(at));
    CHECK(net.send({.url = url_of(at, "/fields#part"), .fields = {{"X-A", "b c"}}}).reply().body ==
          "Host: 127.0.0.1:" + std::to_string(at.port()) + "\nX-A: b c\nAccept-Encoding: gzip\n");
    CHECK(net.get(url_of(at, "/none")).reply().status == 404);
}

TEST_CASE("http client: methods and bodies") {
    Net net;
    const auto at = net.serve(site());
    const auto head = net.send({.method = "HEAD", .url = url_of(at)});
    CHECK(head.reply().body.empty());
    CHECK(head.reply().field("Content-Length") == "5");
    CHECK(net.send({.method = "POST", .url = url_of(at), .body = "abc"}).reply().body == "abc");
    CHECK(net.send({.method = "POST", .url = url_of(at)}).reply().body.empty());
    CHECK(net.send({.method = "DELETE", .url = url_of(at)}).reply().status == 405);
    const std::string much = numbers(3'000'000);
    CHECK((net.send({.method = "POST", .url = url_of(at), .body = much}).reply().body == much));
}

TEST_CASE("http client: a body from a source, both ways of framing") {
    Net net;
    const auto at = net.serve(site());
    const std::string much = numbers(2'000'000);
    for (const bool chunked : {true, false}) {
        std::size_t sent = 0;
        Call call{.method = "POST", .url = url_of(at), .fields = {{"Content-Type", "text/x"}}};
        call.body_source = [&](http::BodyWriter& to) {
            while (sent < much.size()) {
                const auto piece = std::string_view(much).substr(sent, 10'000);
                sent += piece.size();
                if (!to.write(piece)) return true;
            }
            return false;
        };
        if (!chunked) call.body_length = much.size();
        const auto got = net.send(call);
        CHECK((got.reply().body == much));
        CHECK(got.reply().field("X-Type") == "text/x");
    }
}

TEST_CASE("http client: a streamed reply, with its head first, and with pauses") {
    Net net;
    RawServer server;
    const std::string much = numbers(1'000'000);
    server.answer = says(reply_of(much));
    const auto at = net.serve(server);
    std::string body;
    unsigned status = 0;
    std::size_t pauses = 0;
    http::Client::Id id;
    Got got;
    id = net.client->send({.url = url_of(at)}, got.done(),
                          {.on_head = [&](const Reply& head) { status = head.status; },
                           .on_piece =
                               [&](Bytes piece) {
                                   CHECK(status == 200);
                                   body += as_text(piece);
                                   if (++pauses > 5) return true;
                                   net.reactor.after(1ms, [&] { net.client->resume(id); });
                                   return false;
                               }});
    run_until(net.reactor, [&] { return got.result.has_value(); });
    CHECK(got.reply().body.empty());
    CHECK((body == much));
    CHECK(pauses > 5);
}

TEST_CASE("http client: one connection is used again") {
    Net net;
    RawServer server;
    server.answer = says(reply_of("x"));
    const auto at = net.serve(server);
    for (int i = 0; i < 5; ++i) CHECK(net.get(url_of(at)).reply().body == "x");
    CHECK(server.connections == 1);
    CHECK(server.requests == 5);
}

TEST_CASE("http client: at most per_origin connections, and the others wait in order") {
    Net net({.per_origin = 2});
    RawServer server;
    std::vector<ConnectionId> waiting;
    server.answer = [&](Connection& c, std::size_t) { waiting.push_back(c.id()); };
    const auto at = net.serve(server);
    std::string order;
    for (char name = 'a'; name < 'g'; ++name) {
        net.client->send({.url = url_of(at, "/" + std::string(1, name))},
                         [&order, name](const Result<Reply>& got) {
                             CHECK(got.has_value());
                             order += name;
                         });
    }
    while (order.size() < 6) {
        run_until(net.reactor, [&] { return !waiting.empty() || order.size() == 6; });
        CHECK(server.connections <= 2);
        if (waiting.empty()) break;
        net.reactor.find(waiting.front())->write(reply_of(""));
        waiting.erase(waiting.begin());
    }
    CHECK(order == "abcdef");
    CHECK(server.connections == 2);
}

TEST_CASE("http client: who waits gets a new connection when the last one is not kept") {
    Net net({.per_origin = 1});
    RawServer server;
    server.answer = says(reply_of("x", "Connection: close\r\n"));
    const auto at = net.serve(server);
    Got got[3];
    for (Got& one : got) net.client->send({.url = url_of(at)}, one.done());
    run_until(net.reactor, [&] { return got[0].result && got[1].result && got[2].result; });
    for (const Got& one : got) CHECK(one.reply().body == "x");
    CHECK(server.connections == 3);
}

TEST_CASE("http client: a kept connection that the server closes is replaced") {
    Net net;
    RawServer server;
    // Each connection answers once, and is closed when the next request comes.
    server.answer = [&](Connection& c, std::size_t request) {
        if (request % 2 == 1 || request == 8) return void(c.write(reply_of("x")));
        c.abort(make_error_code(std::errc::connection_reset));
    };
    const auto at = net.serve(server);
    CHECK(net.get(url_of(at)).reply().body == "x");
    CHECK(net.get(url_of(at)).reply().body == "x");  // 2 fails, 3 answers
    CHECK(server.requests == 3);
    CHECK(server.connections == 2);
    const auto post = net.send({.method = "POST", .url = url_of(at)});  // 4 fails
    CHECK(post.error() == std::errc::connection_reset);
    CHECK(server.requests == 4);
    CHECK(net.get(url_of(at)).reply().body == "x");  // 5
    Call call{.method = "PUT", .url = url_of(at)};
    call.body_source = [](http::BodyWriter&) { return false; };
    CHECK(net.send(call).error() == std::errc::connection_reset);               // 6
    CHECK(net.get(url_of(at)).reply().body == "x");                             // 7
    CHECK(net.send({.method = "PUT", .url = url_of(at)}).reply().body == "x");  // 8
}

TEST_CASE("http client: nothing is sent again on a new connection, or once a byte came") {
    Net net;
    RawServer server;
    server.answer = [](Connection& c, std::size_t) { c.close(); };
    const auto at = net.serve(server);
    CHECK(net.get(url_of(at)).error() == errc::incomplete_message);
    CHECK(server.requests == 1);
    server.answer = [](Connection& c, std::size_t request) {
        c.write(request == 2 ? reply_of("x") : "HTTP/1.1 2");
        if (request == 3) c.close();
    };
    CHECK(net.get(url_of(at)).reply().body == "x");
    CHECK(net.get(url_of(at)).error() == errc::incomplete_message);
    CHECK(server.requests == 3);
}

TEST_CASE("http client: a request is sent again on a new connection, although others are kept") {
    Net net({.per_origin = 2});
    RawServer server;
    std::vector<ConnectionId> asked;
    server.answer = [&](Connection& c, std::size_t) { asked.push_back(c.id()); };
    const auto at = net.serve(server);
    const auto wait_for = [&](std::size_t requests) {
        run_until(net.reactor, [&] { return asked.size() == requests; });
    };
    const auto answer = [&](std::size_t request) {
        net.reactor.find(asked[request - 1])->write(reply_of("x"));
    };
    Got got[5];
    const auto send = [&](std::size_t call) {
        net.client->send({.url = url_of(at, "/" + std::to_string(call))}, got[call].done());
    };
    send(0);
    send(1);
    wait_for(2);
    answer(1);
    answer(2);
    run_until(net.reactor, [&] { return got[0].result && got[1].result; });
    send(2);
    send(3);
    send(4);  // waits
    wait_for(4);
    net.reactor.find(asked[2])->abort(make_error_code(std::errc::connection_reset));
    wait_for(5);  // 4 takes the place of the connection that was reset
    CHECK(server.heads[4].starts_with("GET /4"));
    answer(4);  // the connection of 3 is unused, but the request is not sent on it
    wait_for(6);
    CHECK(server.heads[5] == server.heads[2]);
    CHECK(server.connections == 4);
    run_until(net.reactor, [&] { return *server.open == 2; });
    net.reactor.find(asked[5])->abort(make_error_code(std::errc::connection_reset));
    answer(5);
    run_until(net.reactor, [&] { return got[2].result && got[3].result && got[4].result; });
    const std::size_t failed = server.heads[2].starts_with("GET /2") ? 2 : 3;
    CHECK(got[failed].error() == std::errc::connection_reset);
    CHECK(got[5 - failed].reply().body == "x");
    CHECK(got[4].reply().body == "x");
}

TEST_CASE("http client: a server that ends every connection costs three requests at most") {
    Net net({.per_origin = 1});
    RawServer server;
    server.answer = [](Connection& c, std::size_t request) {
        request == 1 ? void(c.write(reply_of("x"))) : c.close();
    };
    const auto at = net.serve(server);
    CHECK(net.get(url_of(at)).reply().body == "x");
    CHECK(net.get(url_of(at)).error() == errc::incomplete_message);
    CHECK(server.requests == 3);
}

TEST_CASE("http client: an unused connection that the server closes is not used") {
    Net net;
    RawServer server;
    ConnectionId first;
    server.answer = [&](Connection& c, std::size_t) {
        if (first == ConnectionId{}) first = c.id();
        c.write(reply_of("x"));
    };
    const auto at = net.serve(server);
    net.get(url_of(at));
    net.reactor.find(first)->close();
    run_until(net.reactor, [&] { return net.reactor.find(first) == nullptr; });
    CHECK(net.send({.method = "POST", .url = url_of(at)}).reply().body == "x");
    CHECK(server.connections == 2);
}

TEST_CASE("http client: replies that are refused or cut off say so") {
    const auto told = [](const std::string& reply) {
        Net net;
        RawServer server;
        server.answer = says(reply, true);
        const auto at = net.serve(server);
        const auto got = net.get(url_of(at, "/page?secret"));
        CHECK(got.error().message().starts_with("GET " + url_of(at, "/page") + ": "));
        CHECK_FALSE(has(got.error().message(), "secret"));
        return got.error().code();
    };
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    CHECK(told("hello") == errc::malformed_message);
    CHECK(told(ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello") ==
          errc::malformed_message);
    CHECK(told(ok + "Content-Length: 5\r\n\r\nhell") == errc::incomplete_message);
    CHECK(told(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") ==
          errc::incomplete_message);
    CHECK(told(ok + "X: " + std::string(70'000, 'x') + "\r\n\r\n") == errc::message_too_large);
}

TEST_CASE("http client: max_body, with and without a length") {
    Net net({.max_body = 1000});
    RawServer server;
    const auto at = net.serve(server);
    server.answer = says(reply_of(std::string(1000, 'x')));
    CHECK(net.get(url_of(at)).reply().body.size() == 1000);
    server.answer = says("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    CHECK(net.get(url_of(at)).error() == errc::message_too_large);
    server.answer = says("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
    CHECK(net.get(url_of(at)).error() == errc::message_too_large);
    server.answer = says("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    CHECK(net.send({.method = "HEAD", .url = url_of(at)}).reply().status == 200);
    std::size_t streamed = 0;
    server.answer = says(reply_of(std::string(100'000, 'x')));
    net.send({.url = url_of(at)}, {.on_piece =
                                       [&](Bytes piece) {
                                           streamed += piece.size();
                                           return true;
                                       }})
        .reply();
    CHECK(streamed == 100'000);
}

TEST_CASE("http client: trailers are apart from fields") {
    Net net;
    RawServer server;
    server.answer = says(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nDigest: x\r\n\r\n");
    const auto got = net.get(url_of(net.serve(server)));
    CHECK(got.reply().body == "hi");
    CHECK(got.reply().trailers == http::FieldList{{"Digest", "x"}});
    CHECK(got.reply().field("Digest").empty());
}

TEST_CASE("http client: calls that are not valid") {
    Net net;
    const auto told = [&](Call call) {
        const auto got = net.send(std::move(call));
        CHECK(got.error() == errc::bad_option);
        return got.error().context();
    };
    CHECK(told({.url = "ftp://a/"}) ==
          "GET ftp://a/: URL: it does not begin with http:// or "
          "https://");
    CHECK(has(told({.url = "http://user@a/"}), "it names a user"));
    CHECK(has(told({.url = "http://a/\r\nX: y"}), "percent-encoded"));
    CHECK(has(told({.method = "G T", .url = "http://a"}), "token"));
    CHECK(has(told({.method = "CONNECT", .url = "http://a"}), "CONNECT"));
    CHECK(has(told({.url = "http://a", .fields = {{"A b", "c"}}}), "field \"A b\""));
    CHECK(has(told({.url = "http://a", .fields = {{"A", "b\r\nC: d"}}}), "field A"));
    CHECK(has(told({.url = "http://a", .fields = {{"A", " b"}}}), "field A"));
    CHECK(has(told({.url = "http://a", .fields = {{"Content-Length", "5"}}}),
              "field Content-Length: the client sets it"));
    CHECK(has(told({.url = "http://a", .fields = {{"hOST", "b"}}}), "the client sets it"));
    CHECK(has(told({.url = "https://a", .fields = {{"Proxy-Authorization", "Basic b"}}}),
              "the client sets it"));
    CHECK(has(told({.url = "http://a", .body_length = 5}), "body_length"));
    Net none({.per_origin = 0});
    CHECK(none.get("http://127.0.0.1/").error() == errc::bad_option);
    Net wrong({.proxy = "https://127.0.0.1"});
    CHECK(wrong.get("http://127.0.0.1/").error() == errc::bad_option);
}

TEST_CASE("http client: a server that cannot be reached") {
    const Listener listener;
    const auto at = listener.at;
    listener.socket.shutdown();
    Net net;
    const auto got = net.get(url_of(at));
    CHECK(got.error() == std::errc::connection_refused);
    CHECK(has(got.error().message(), "GET " + url_of(at)));
}

TEST_CASE("http client: hundreds of origins, one after another") {
    Net net({.keep_alive = 1ms});
    RawServer server;
    server.answer = says(reply_of("x"));
    const auto at = listen_on(net.reactor, server.factory(), {}, "0.0.0.0:0").local;
    std::size_t answers = 0;
    for (int i = 1; i <= 250; ++i) {
        const std::string host = "127.0.1." + std::to_string(i);
        const auto got = net.get("http://" + host + ":" + std::to_string(at.port()) + "/");
        if (got.reply().body == "x") ++answers;
    }
    CHECK(answers == 250);
    CHECK(server.connections == 250);
}

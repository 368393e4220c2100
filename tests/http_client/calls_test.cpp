// Calls of a Client: their times, ends, and callbacks that call the client.
#include <doctest/doctest.h>

#include "client_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

void keep_silent(Connection&, std::size_t) {}

}  // namespace

TEST_CASE("http calls: total bounds waiting, redirects, and servers that drip") {
    const http::ClientOptions quick{.total = 60ms};
    {
        Net net(quick);
        RawServer server;
        server.answer = keep_silent;
        const auto got = net.get(url_of(net.serve(server)));
        CHECK(got.error() == std::errc::timed_out);
        CHECK(has(got.error().message(), "total"));
    }
    Net net({.total = 60ms, .redirects = 1'000'000, .per_origin = 1});
    RawServer server;
    const auto at = net.serve(server);
    server.answer = [&](Connection& c, std::size_t) {
        c.write(reply_of("", "Location: /\r\n", "302 Found"));
    };
    CHECK(net.get(url_of(at)).error() == std::errc::timed_out);
    CHECK(server.requests > 1);
    server.answer = keep_silent;
    Got first, second;
    net.client->send({.url = url_of(at)}, first.done());
    net.client->send({.url = url_of(at)}, second.done());
    run_until(net.reactor, [&] { return first.result && second.result; });
    CHECK(second.error() == std::errc::timed_out);
}

TEST_CASE("http calls: head and body_idle") {
    Net net({.head = 30ms, .body_idle = 30ms});
    RawServer server;
    const auto at = net.serve(server);
    server.answer = keep_silent;
    const auto head = net.get(url_of(at));
    CHECK(head.error() == std::errc::timed_out);
    CHECK(has(head.error().message(), ": head"));
    server.answer = says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    const auto body = net.get(url_of(at));
    CHECK(body.error() == std::errc::timed_out);
    CHECK(has(body.error().message(), "body_idle"));
}

TEST_CASE("http calls: cancel() before, during and after") {
    Net net;
    RawServer server;
    server.answer = keep_silent;
    const auto at = net.serve(server);
    Got got;
    net.client->cancel(net.client->send({.url = url_of(at)}, got.done()));
    run_for(net.reactor, 10ms);
    CHECK(server.requests == 0);
    const auto id = net.client->send({.url = url_of(at)}, got.done());
    run_until(net.reactor, [&] { return server.requests == 1; });
    net.client->cancel(id);
    net.client->cancel(id);
    net.client->cancel({});
    run_for(net.reactor, 10ms);
    CHECK(got.times == 0);
    server.answer = says(reply_of("x"));
    CHECK(net.get(url_of(at)).reply().body == "x");
}

TEST_CASE("http calls: cancel() of a call that is over does not touch the one that follows") {
    Net net({.per_origin = 1});
    RawServer server;
    const auto at = net.serve(server);
    server.answer = says(reply_of("hello"));
    Got first, second;
    http::Client::Id id;
    id = net.client->send({.url = url_of(at)}, first.done());
    // The source of the second call runs before the first call is told of its end.
    net.client->send({.method = "POST",
                      .url = url_of(at),
                      .body_source =
                          [&](http::BodyWriter& to) {
                              net.client->resume(id);
                              net.client->cancel(id);
                              to.write("x");
                              return false;
                          }},
                     second.done());
    run_until(net.reactor, [&] { return second.result.has_value(); });
    CHECK(second.reply().body == "hello");
    CHECK(first.times == 0);
}

TEST_CASE("http calls: cancel() while it waits, and from its own hooks") {
    Net net({.per_origin = 1});
    RawServer server;
    const auto at = net.serve(server);
    std::vector<ConnectionId> asked;
    server.answer = [&](Connection& c, std::size_t) { asked.push_back(c.id()); };
    Got first, second, third;
    net.client->send({.url = url_of(at)}, first.done());
    const auto waits = net.client->send({.url = url_of(at)}, second.done());
    net.client->send({.url = url_of(at)}, third.done());
    run_until(net.reactor, [&] { return asked.size() == 1; });
    net.client->cancel(waits);
    net.reactor.find(asked[0])->write(reply_of("1"));
    run_until(net.reactor, [&] { return asked.size() == 2; });
    net.reactor.find(asked[1])->write(reply_of("3"));
    run_until(net.reactor, [&] { return third.result.has_value(); });
    CHECK(first.reply().body == "1");
    CHECK(third.reply().body == "3");
    CHECK(second.times == 0);
    CHECK(server.requests == 2);

    server.answer = says(reply_of("hello"));
    http::Client::Id id;
    std::size_t hooks = 0;
    Got within;
    const auto cancels = [&] {
        ++hooks;
        net.client->cancel(id);
    };
    id = net.client->send({.url = url_of(at)}, within.done(),
                          {.on_head = [&](const Reply&) { cancels(); }});
    run_until(net.reactor, [&] { return hooks == 1; });
    id = net.client->send({.url = url_of(at)}, within.done(), {.on_piece = [&](Bytes) {
                              cancels();
                              return true;
                          }});
    run_until(net.reactor, [&] { return hooks == 2; });
    run_for(net.reactor, 10ms);
    CHECK(within.times == 0);
    CHECK(net.get(url_of(at)).reply().body == "hello");
}

TEST_CASE("http calls: the client is destroyed in one of its callbacks") {
    for (const int where : {0, 1, 2, 3}) {
        CAPTURE(where);
        Net net({.per_origin = 1});
        RawServer server;
        server.answer = says(reply_of("hello"));
        const auto at = net.serve(server);
        Got other;
        std::size_t calls = 0, dones = 0;
        const auto destroy = [&](int here) {
            if (here != where) return;
            ++calls;
            net.client.reset();
        };
        Call call{.method = "POST", .url = url_of(at)};
        call.body_source = [&](http::BodyWriter&) {
            destroy(0);
            return false;
        };
        net.client->send(call,
                         [&](const Result<Reply>& got) {
                             ++dones;
                             if (where == 3) return destroy(3);
                             CHECK(got.error() == errc::stopping);
                         },
                         {.on_head = [&](const Reply&) { destroy(1); },
                          .on_piece =
                              [&](Bytes) {
                                  destroy(2);
                                  return true;
                              }});
        net.client->send({.url = url_of(at)}, other.done());
        run_until(net.reactor, [&] { return calls == 1; });
        run_for(net.reactor, 5ms);
        CHECK(dones == 1);
        CHECK(other.times == 1);
    }
}

TEST_CASE("http calls: the destructor ends each call once, and its connections") {
    Net net;
    RawServer server;
    server.answer = keep_silent;
    const auto at = net.serve(server);
    Got running, new_one;
    net.client->send({.url = url_of(at)}, running.done());
    run_until(net.reactor, [&] { return server.requests == 1; });
    net.client->send({.url = url_of(at)}, new_one.done());
    net.client.reset();
    CHECK(running.error() == errc::stopping);
    CHECK(new_one.error() == errc::stopping);
    run_for(net.reactor, 5ms);
    CHECK(running.times == 1);
    CHECK(new_one.times == 1);
}

TEST_CASE("http calls: hooks that throw fail the call alone") {
    Net net;
    RawServer server;
    server.answer = says(reply_of("hello"));
    const auto at = net.serve(server);
    const auto got = net.send({.url = url_of(at)},
                              {.on_head = [](const Reply&) { throw std::runtime_error("x"); }});
    CHECK(got.error() == errc::handler_failed);
    Call call{.method = "PUT", .url = url_of(at)};
    call.body_source = [](http::BodyWriter&) -> bool { throw std::runtime_error("x"); };
    CHECK(net.send(call).error() == errc::handler_failed);
    net.get(url_of(at));
    CHECK(net.send(call).error() == errc::handler_failed);  // on a kept connection
    net.client->send({.url = url_of(at)},
                     [](const Result<Reply>&) { throw std::runtime_error("x"); });
    CHECK(net.get(url_of(at)).reply().body == "hello");
}

TEST_CASE("http calls: each of many, from within the others, has its own reply") {
    Net net({.per_origin = 3});
    const auto at = net.serve(site());
    std::size_t done = 0;
    std::function<void(int)> ask = [&](int left) {
        const std::string body = "call " + std::to_string(left);
        net.client->send({.method = "POST", .url = url_of(at), .body = body},
                         [&, body, left](const Result<Reply>& got) {
                             REQUIRE(got.has_value());
                             CHECK(got->body == body);
                             ++done;
                             if (left > 1) ask(left - 1);
                         });
    };
    for (int i = 0; i < 20; ++i) ask(10);
    run_until(net.reactor, [&] { return done == 200; });
}

TEST_CASE("http calls: run() returns once unused connections are too old, and a drain ends them") {
    {
        Reactor reactor;
        http::Client client(reactor, {.keep_alive = 20ms});
        RawServer server;
        server.answer = says(reply_of("x"));
        const auto listening = listen_on(reactor, server.factory());
        bool done = false;
        client.send({.url = url_of(listening.local)}, [&](const Result<Reply>& got) {
            done = got.has_value();
            reactor.close(listening.id);
        });
        reactor.run();
        CHECK(done);
    }
    Net net({.keep_alive = 0ms});
    RawServer server;
    server.answer = says(reply_of("x"));
    net.get(url_of(net.serve(server)));
    std::size_t aborted = 99;
    net.reactor.drain(5s, [&](std::size_t left) { aborted = left; });
    net.reactor.run();
    CHECK(aborted == 0);
}

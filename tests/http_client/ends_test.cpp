// Clients that are moved and destroyed, options that are not valid, and the texts of errors.
#include <doctest/doctest.h>

#include "client_ends.hpp"
#include "no_descriptors.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("http client: each error of its own has a text") {
    const auto text = [](int code) { return http::client_category().message(code); };
    CHECK(make_error_code(http::client_errc::too_many_redirects).message() == "too many redirects");
    CHECK(make_error_code(http::client_errc::insecure_redirect).message() ==
          "redirect from https to http");
    CHECK(make_error_code(http::client_errc::bad_redirect).message() ==
          "redirect that cannot be followed");
    CHECK(make_error_code(http::client_errc::proxy_refused).message() ==
          "the proxy refused the tunnel");
    CHECK(make_error_code(http::client_errc::bad_encoding).message() ==
          "malformed Content-Encoding");
    CHECK(make_error_code(http::client_errc::wrong_length).message() ==
          "the body does not have its length");
    CHECK(text(99) == "unknown error");
    CHECK(http::client_category().name() == std::string("http client"));
}

TEST_CASE("http client: without descriptors a call fails, and the next one does not") {
    Net net;
    const auto at = net.serve(site());
    std::optional<Error> blocking;
    Got got;
    {
        const NoDescriptors none;
        if (const auto reply = http::get(url_of(at)); !reply) blocking = reply.error();
        net.client->send({.url = url_of(at)}, got.done());
        run_until(net.reactor, [&] { return got.result.has_value(); });
    }
    REQUIRE(blocking);
    CHECK(*blocking == std::errc::too_many_files_open);
    CHECK(got.error() == std::errc::too_many_files_open);
    CHECK(net.get(url_of(at)).reply().body == "hello");
}

TEST_CASE(
    "http client: a client that is replaced ends its calls, and one that was moved has none") {
    Net net;
    RawServer silent;
    silent.answer = [](Connection&, std::size_t) {};
    const auto waits = net.serve(silent);
    const auto at = net.serve(site());
    Got got, other;
    net.client->send({.url = url_of(waits)}, got.done());
    net.client->send({.url = url_of(waits)}, nullptr);
    run_until(net.reactor, [&] { return silent.requests == 2; });
    http::Client next(net.reactor);
    next.send({.url = url_of(at)}, other.done());
    *net.client = std::move(next);
    CHECK(got.error() == errc::stopping);
    CHECK(got.times == 1);
    run_until(net.reactor, [&] { return other.result.has_value(); });
    CHECK(other.reply().body == "hello");
    run_until(net.reactor, [&] { return *silent.open == 0; });
}

TEST_CASE("http client: nobody need wait for a reply, and a call that is over is not resumed") {
    Net net;
    std::size_t asked = 0;
    http::Server server;
    server.route("GET", "/", [&](const Request&, Response& response) {
        ++asked;
        response.send("x");
    });
    const auto at = net.serve(server);
    const auto id = net.client->send({.url = url_of(at)}, nullptr);
    run_until(net.reactor, [&] { return asked == 1; });
    net.client->resume(id);
    CHECK(net.get(url_of(at)).reply().body == "x");
    net.client->resume(id);
    net.client->cancel(id);
    const auto early = net.client->send({.url = url_of(at)}, nullptr);
    net.client->resume(early);  // it has no connection yet
    run_until(net.reactor, [&] { return asked == 3; });
}

TEST_CASE("http client: options that are not valid fail each call, and are named") {
    const auto told = [](http::ClientOptions options, const std::string& url = "http://a.example") {
        Net net(std::move(options));
        const auto got = net.get(url);
        CHECK(got.error() == errc::bad_option);
        return got.error().message();
    };
    CHECK(has(told({.per_origin = 0}), "per_origin"));
    for (const std::string proxy : {"nonsense", "https://proxy.example", "http://proxy.example/x"})
        CHECK(has(told({.proxy = proxy}), "the proxy must be http://host:port"));
    CHECK(has(told({.connect = -1ms}), "connect_timeout"));
}

TEST_CASE("http client: an IPv6 address is written in brackets") {
    if (!machine_has_ipv6()) return;
    Net net;
    http::Server server;
    server.route("GET", "/", [](const Request& request, Response& response) {
        response.send(std::string(request.host()));
    });
    const auto listening = listen_on(net.reactor, server.factory(), {}, "[::1]:0");
    const std::string host = "[::1]:" + std::to_string(listening.local.port());
    CHECK(net.get("http://" + host + "/").reply().body == host);
}

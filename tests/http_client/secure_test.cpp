// https, and proxies.
#include <doctest/doctest.h>

#include <switchboard/layer.hpp>
#include <switchboard/relay.hpp>

#include "client_ends.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

http::ClientOptions trusting(http::ClientOptions options = {}) {
    options.tls = make_client({.common = {.protocols = {"http/1.1"}}});
    return options;
}

Endpoint serve_tls(Net& net, const ProtocolFactory& factory, tls::ServerOptions options = {}) {
    return listen_on(net.reactor, make_server(std::move(options)).wrap(factory)).local;
}

// Says what was agreed on.
http::Server secure_site() {
    http::Server server = site();
    server.route("GET", "/tls", [](const Request& request, Response& response) {
        const auto agreed = request.connection().security();
        REQUIRE(agreed.has_value());
        response.send(agreed->version + " " + agreed->protocol + " " + agreed->server_name);
    });
    return server;
}

// Below TLS: once it is silent, nothing leaves any more, such as a close_notify.
class Silencer final : public Layer {
public:
    Silencer(std::unique_ptr<Protocol> above, const bool& silent)
        : Layer(std::move(above)), silent_(silent) {}

protected:
    bool send(std::span<const Bytes> pieces) override { return silent_ || Layer::send(pieces); }

private:
    const bool& silent_;
};

// A proxy that makes tunnels to one endpoint, whatever it is asked for.
struct Proxy {
    std::string asked = {}, answer = "HTTP/1.1 200 Connection established\r\n\r\n";
    std::size_t connections = 0;

    ProtocolFactory factory(Reactor& reactor, const Endpoint& target) {
        return callbacks([this, relay = make_relay(reactor, target)] {
            ++connections;
            return Callbacks{.on_data = [this, relay](Connection& c, MutableBytes in) {
                if (!as_text(in).ends_with("\r\n\r\n")) return std::size_t{0};
                asked = as_text(in);
                c.write(answer);
                if (has(answer, " 200 ")) c.switch_to(relay());
                return in.size();
            }};
        });
    }
};

std::string proxy_url(const Endpoint& at) {
    return "http://127.0.0.1:" + std::to_string(at.port());
}

}  // namespace

TEST_CASE("https: a page, the agreed protocol, and a connection that is used again") {
    Net net(trusting());
    std::size_t connections = 0;
    const auto at = serve_tls(net,
                              [&, factory = secure_site().factory()] {
                                  ++connections;
                                  return factory();
                              },
                              {.common = {.protocols = {"http/1.1"}}});
    CHECK(net.get(url_of(at, "/tls", "https")).reply().body == "TLSv1.3 http/1.1 ");
    const std::string much = numbers(1'000'000);
    CHECK(
        (net.send({.method = "POST", .url = url_of(at, "/", "https"), .body = much}).reply().body ==
         much));
    CHECK(connections == 1);
}

TEST_CASE("https: pauses and sources that wait, from outside the callbacks") {
    Net net(trusting());
    const auto at = serve_tls(net, site().factory());
    const std::string much = numbers(300'000);
    std::size_t sent = 0;
    bool waits = false;
    std::string body;
    http::Client::Id id;
    const auto resume_later = [&] { net.reactor.post([&] { net.client->resume(id); }); };
    Call call{.method = "POST", .url = url_of(at, "/", "https")};
    call.body_source = [&](http::BodyWriter& to) {
        waits = !waits;
        if (waits) {
            resume_later();
            return true;
        }
        const auto piece = std::string_view(much).substr(sent, 20'000);
        sent += piece.size();
        to.write(piece);
        return sent < much.size();
    };
    Got got;
    id = net.client->send(call, got.done(), {.on_piece = [&](Bytes piece) {
                              body += as_text(piece);
                              resume_later();
                              return false;
                          }});
    run_until(net.reactor, [&] { return got.result.has_value(); });
    CHECK(got.reply().status == 200);
    CHECK((body == much));
}

TEST_CASE("https: a certificate that is not trusted, or of another name, and a plain server") {
    Net doubting;
    const auto at = serve_tls(doubting, site().factory());
    const auto untrusted = doubting.get(url_of(at, "/", "https"));
    CHECK(untrusted.error().code().category() == tls::verify_category());
    CHECK(untrusted.error().message().starts_with("GET https://127.0.0.1:"));
    Net net(trusting());
    const auto other = serve_tls(net, site().factory(),
                                 {.certificates = {authority().issue({.names = "DNS:other"})}});
    CHECK(net.get(url_of(other, "/", "https")).error().code().category() == tls::verify_category());
    const auto plain = net.serve(site());
    CHECK(net.get(url_of(plain, "/", "https")).error() == make_error_code(tls::errc::not_tls));
}

TEST_CASE("https: a body without a length needs close_notify, one with a length does not") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const auto outcome = [](const std::string& reply, bool silenced) {
        Net net(trusting());
        RawServer server;
        bool silent = false;
        server.answer = [&](Connection& c, std::size_t) {
            c.write(reply);
            net.reactor.after(3ms, [&, id = c.id()] {
                silent = silenced;
                if (Connection* const again = net.reactor.find(id)) again->close();
            });
        };
        const auto secure = make_server().wrap(server.factory());
        const auto at = listen_on(net.reactor, [&] {
                            return std::make_unique<Silencer>(secure(), silent);
                        }).local;
        const auto got = net.get(url_of(at, "/", "https"));
        run_for(net.reactor, 5ms);
        return got.result->has_value() ? (*got.result)->body : got.error().code().message();
    };
    const std::string cut = make_error_code(tls::errc::truncated).message();
    CHECK(outcome(ok + "\r\nhello", false) == "hello");
    CHECK(outcome(ok + "\r\nhello", true) == cut);
    CHECK(outcome(ok + "Content-Length: 5\r\n\r\nhello", true) == "hello");
    CHECK(outcome(ok + "Content-Length: 6\r\n\r\nhello", true) == cut);
    CHECK(outcome(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true) == cut);
    CHECK(outcome(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false) ==
          make_error_code(errc::incomplete_message).message());
}

TEST_CASE("https: no redirect leads back to http, but one leads from http to https") {
    Net net(trusting());
    const auto plain = net.serve(site());
    RawServer redirects;
    redirects.answer = says(reply_of("", "Location: " + url_of(plain) + "\r\n", "301 Moved"));
    const auto secure = serve_tls(net, redirects.factory());
    CHECK(net.get(url_of(secure, "/", "https")).error() ==
          make_error_code(http::client_errc::insecure_redirect));
    const auto safe = serve_tls(net, site().factory());
    RawServer upgrades;
    upgrades.answer =
        says(reply_of("", "Location: " + url_of(safe, "/", "https") + "\r\n", "301 Moved"));
    const auto got = net.get(url_of(net.serve(upgrades)));
    CHECK(got.reply().body == "hello");
    CHECK(got.reply().url == url_of(safe, "/", "https"));
}

TEST_CASE("https: through a proxy, by CONNECT, with one tunnel for several requests") {
    Proxy proxy;
    Reactor reactor;
    const auto secure = listen_on(
        reactor, make_server({.certificates = {authority().issue({.names = "DNS:far.example"})}})
                     .wrap(site().factory()));
    const auto via = listen_on(reactor, proxy.factory(reactor, secure.local));
    http::Client client(reactor, trusting({.proxy = proxy_url(via.local)}));
    for (const std::string url : {"https://far.example/", "https://far.example:443/"}) {
        Got got;
        client.send({.url = url}, got.done());
        run_until(reactor, [&] { return got.result.has_value(); });
        CHECK(got.reply().body == "hello");
    }
    CHECK(proxy.asked == "CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n\r\n");
    CHECK(proxy.connections == 1);
}

TEST_CASE("https: a proxy that refuses, talks nonsense, ends, or says nothing") {
    const auto told = [](const std::string& answer) {
        Net servers;
        RawServer proxy;
        proxy.answer = says(answer, answer.empty());
        if (answer == "-") proxy.answer = [](Connection&, std::size_t) {};
        const auto at = servers.serve(proxy);
        http::Client client(servers.reactor, trusting({.connect = 50ms, .proxy = proxy_url(at)}));
        Got got;
        client.send({.url = "https://far.example/"}, got.done());
        run_until(servers.reactor, [&] { return got.result.has_value(); });
        CHECK(got.times == 1);
        return got;
    };
    const auto refused = told("HTTP/1.1 407 Who are you\r\nContent-Length: 5\r\n\r\n");
    CHECK(refused.error() == make_error_code(http::client_errc::proxy_refused));
    CHECK(has(refused.error().message(), "status 407"));
    CHECK(told("nonsense").error() == errc::malformed_message);
    CHECK(told("").error() == errc::incomplete_message);
    CHECK(told("-").error() == std::errc::timed_out);
    CHECK(told("HTTP/1.1 200").error() == std::errc::timed_out);
}

TEST_CASE(
    "https: a client that is destroyed while a proxy makes its tunnel leaves nothing behind") {
    Net servers;
    RawServer proxy;
    Connection* tunnel = nullptr;
    proxy.answer = [&](Connection& c, std::size_t) { tunnel = &c; };
    const auto at = servers.serve(proxy);
    Got got;
    {
        http::Client client(servers.reactor, trusting({.proxy = proxy_url(at)}));
        client.send({.url = "https://far.example/"}, got.done());
        run_until(servers.reactor, [&] { return tunnel != nullptr; });
    }
    CHECK(got.error() == errc::stopping);
    if (*proxy.open == 1) {
        tunnel->write("HTTP/1.1 200 OK\r\n\r\n");
        tunnel->close();
    }
    run_until(servers.reactor, [&] { return *proxy.open == 0; });
    CHECK(got.times == 1);
}

TEST_CASE("https: a connection whose call is cancelled in the handshake serves the next call") {
    Net net(trusting());
    RawServer server;
    server.answer = says(reply_of("hello"));
    Listener listener;  // nobody accepts yet
    const std::string url = url_of(listener.at, "/", "https");
    Got cancelled;
    const auto id = net.client->send({.url = url}, cancelled.done());
    run_for(net.reactor, 5ms);
    net.client->cancel(id);
    REQUIRE(net.reactor.listen(std::move(listener.socket), listener.at,
                               make_server().wrap(server.factory())));
    run_until(net.reactor, [&] { return server.connections == 1; });
    CHECK(net.get(url).reply().body == "hello");
    CHECK(server.connections == 1);
    CHECK(cancelled.times == 0);
}

TEST_CASE("http client: a proxy gets plain requests with their whole URL, on one pool") {
    Net servers;
    RawServer proxy;
    proxy.answer = says(reply_of("from the proxy"));
    const auto at = servers.serve(proxy);
    http::Client client(servers.reactor, {.proxy = proxy_url(at)});
    for (const std::string url : {"http://far.example/a?b", "http://other.example:81"}) {
        Got got;
        client.send({.url = url}, got.done());
        run_until(servers.reactor, [&] { return got.result.has_value(); });
        CHECK(got.reply().body == "from the proxy");
    }
    CHECK(
        proxy.heads[0].starts_with("GET http://far.example/a?b HTTP/1.1\r\nHost: far.example\r\n"));
    CHECK(proxy.heads[1].starts_with(
        "GET http://other.example:81/ HTTP/1.1\r\nHost: other.example:81\r\n"));
    CHECK(proxy.connections == 1);
}

// What must be refused, over sockets: under a reactor and under threads, as plain text and above TLS.
#include <doctest/doctest.h>

#include <switchboard/blocking.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>

#include <thread>

#include "http_servers.hpp"
#include "loopback.hpp"
#include "rules.hpp"
#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;

namespace {

// Sends each row of the table, with a valid request behind it, on a connection of its own.
void check_rules_at(const Endpoint& server, const ExchangeOptions& options) {
    const std::string next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const test::Row& row : test::kRules) {
        CAPTURE(row.rule.anchor);
        const auto reply = exchange(server, as_bytes(std::string(row.rule.input) + next), options);
        REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
        const std::string answer(as_text(*reply));
        CHECK(test::status_of(answer) == std::to_string(row.rule.status));
        if (test::goes_on(row.rule.status)) continue;
        CHECK(test::has(answer, "\r\nConnection: close\r\n"));
        CHECK(test::count(answer, "HTTP/1.1 ") == 1);
    }
}

void check_under_reactor(const ProtocolFactory& server, const ExchangeOptions& options) {
    test::Listener listener;
    Reactor reactor;
    REQUIRE(reactor.listen(std::move(listener.socket), listener.at, server));
    std::thread client([&] {
        check_rules_at(listener.at, options);
        reactor.post([&] { reactor.stop(); });
    });
    reactor.run();
    client.join();
}

void check_under_threads(const ProtocolFactory& server, const ExchangeOptions& options) {
    test::Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop);
    std::thread serving(
        [&] { CHECK(serve_threads(std::move(listener.socket), server, *stop).has_value()); });
    check_rules_at(listener.at, options);
    stop->drain();
    serving.join();
}

ExchangeOptions above_tls() {
    ExchangeOptions options;
    options.layer = [client = test::make_client()](std::unique_ptr<Protocol> above) {
        return client.wrap("127.0.0.1", std::move(above));
    };
    return options;
}

}  // namespace

TEST_CASE("http rules: each row over sockets, under a reactor") {
    check_under_reactor(test::hello().factory(), {});
}

TEST_CASE("http rules: each row over sockets, under threads") {
    check_under_threads(test::hello().factory(), {});
}

TEST_CASE("http rules: each row above TLS, under a reactor") {
    check_under_reactor(test::make_server().wrap(test::hello().factory()), above_tls());
}

TEST_CASE("http rules: each row above TLS, under threads") {
    check_under_threads(test::make_server().wrap(test::hello().factory()), above_tls());
}

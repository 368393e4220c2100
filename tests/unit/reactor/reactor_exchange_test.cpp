#include <switchboard/reactor_exchange.hpp>
#include <switchboard/reactor_stats.hpp>

#include <optional>

#include "network.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::byte> bytes(std::string_view text) {
    const Bytes view = as_bytes(text);
    return {view.begin(), view.end()};
}

std::string ask(Reactor& reactor, const Endpoint& server, std::string_view request,
                ExchangeOptions options) {
    std::optional<std::string> told;
    exchange(reactor, server, bytes(request), std::move(options), [&](auto reply) {
        told = reply ? std::string(as_text(*reply)) : reply.error().message();
    });
    CHECK_FALSE(told);
    run_until(reactor, [&] { return told.has_value(); });
    return *told;
}

// Replies with "+" and the request, byte by byte, which is more than the expected reply.
ProtocolFactory surplus() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write("+");
            for (std::byte& b : in) c.write(Bytes(&b, 1));
            return in.size();
        }};
    });
}

}  // namespace

TEST_CASE("reactor exchange: by name, with every kind of message end") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, surplus());
    const auto server = Endpoint::tcp("localhost", listening.local.port());
    using std::string_view_literals::operator""sv;
    CHECK(ask(reactor, server, "abc", {.reply_framing = {}}) == "+abc");
    CHECK(ask(reactor, server, "abc", {.reply_framing = Framing::fixed(3)}) == "+ab");
    CHECK(ask(reactor, server, "abc", {.expects_reply = false}) == "");
    CHECK(ask(reactor, server, "a\nb\n", {.reply_framing = Framing::delimited("\n")}) == "+a\n");
    // '+' is 43, so as a length prefix it announces 43 bytes.
    const std::string body(60, 'x');
    CHECK(ask(reactor, server, body, {.reply_framing = Framing::prefixed(1)}) ==
          "+" + body.substr(0, 43));
    CHECK(ask(reactor, server, "\0\0\0"sv,
              {.reply_framing = Framing::prefixed(4, std::endian::little), .max_reply = 100}) ==
          "exchange " + server.to_string() +
              ": read reply: the peer closed before the message was complete");
    CHECK(ask(reactor, server, "abc", {.max_reply = 2}).ends_with(": message too large"));
    run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
    CHECK(collect_stats(reactor).timers == 0);
}

TEST_CASE("reactor exchange: the time-out is for the whole exchange, even while bytes move") {
    Reactor reactor;
    const Listening listening = listen_on(
        reactor, callbacks([] {
            return Callbacks{
                .on_open = [](Connection& c) { c.set_deadline(c.now()); },
                .on_eof = [](Connection&) {},
                .on_deadline = [](Connection& c) { c.write("."), c.set_deadline(c.now() + 5ms); }};
        }));
    const auto began = Clock::now();
    CHECK(ask(reactor, listening.local, "x", {.timeout = 80ms}) ==
          "exchange " + listening.local.to_string() + ": read reply: connection timed out");
    CHECK(Clock::now() - began >= 79ms);
    CHECK(Clock::now() - began < 2s);
}

TEST_CASE("reactor exchange: a reply cancels the time-out") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    CHECK(ask(reactor, listening.local, "x", {.timeout = 10min}) == "x");
    reactor.close(listening.id);
    const auto began = Clock::now();
    reactor.run();  // no timer keeps it running
    CHECK(Clock::now() - began < 1min);
}

TEST_CASE("reactor exchange: the time-out includes the look-up, and errors name addresses") {
    CHECK_IN_NETWORK(
        in_network({.hosts = "127.0.0.1 two\n::1 two\n"},
                   [] {
                       const Socket silent(::socket(AF_INET, SOCK_DGRAM, 0));
                       const auto dns = Endpoint::tcp("127.0.0.1", 53).addresses();
                       (void)::bind(silent.fd(), dns->front().data(), dns->front().size());
                       Reactor reactor;
                       return ask(reactor, endpoint("a.test:80"), "", {.timeout = 100ms}) + "; " +
                              ask(reactor, endpoint("two:1"), "", {});
                   }),
        "exchange: connect tcp://a.test:80: name look-up: connect timed out; "
        "exchange: connect tcp://two:1: ::1: connection refused; 127.0.0.1: "
        "connection refused");
}

TEST_CASE("reactor exchange: ends with its reactor") {
    std::string told;
    {
        Reactor reactor;
        const Listening listening =
            listen_on(reactor, callbacks([] { return Callbacks{.on_eof = [](Connection&) {}}; }));
        for (const Endpoint& server : {listening.local, endpoint("127.0.0.1:1")}) {
            exchange(reactor, server, {}, {},
                     [&](auto reply) { told += reply.error().message() + "; "; });
        }
        run_until(reactor, [&] { return collect_stats(reactor).connected == 1; });
    }
    CHECK(told.find("read reply: the server is stopping") != std::string::npos);
    CHECK(std::count(told.begin(), told.end(), ';') == 2);
}

TEST_CASE("reactor exchange: an immediate error is reported in the next turn, if there is one") {
    const auto nowhere = Endpoint::udp("127.0.0.1", 1);
    std::string told;
    const auto note = [&](auto reply) { told += reply.error().message() + "; "; };
    auto reactor = std::make_unique<Reactor>();
    exchange(*reactor, nowhere, {}, {}, note);
    CHECK(told.empty());
    reactor->run();
    CHECK(std::count(told.begin(), told.end(), ';') == 1);
    exchange(*reactor, nowhere, {}, {}, note);
    reactor.reset();
    CHECK(std::count(told.begin(), told.end(), ';') == 1);
}

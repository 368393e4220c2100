// The layer that sends headers of the PROXY protocol, and stacks of layers.
#include <doctest/doctest.h>

#include <array>

#include "conforms.hpp"
#include "proxy_ends.hpp"
#include "system.hpp"
#include "throttle_ends.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

ProxyHeader client(std::vector<ProxyTlv> tlvs = {}) {
    return {.source = Endpoint::tcp("192.0.2.1", 12345),
            .destination = Endpoint::tcp("198.51.100.2", 443),
            .tlvs = std::move(tlvs)};
}

ProxySendOptions sending(ProxyHeader header, std::uint8_t version = 2, bool checksum = false) {
    return {.version = version, .checksum = checksum, .header_for = [header](const Connection&) {
                return header;
            }};
}

ProtocolFactory saying(std::string text) {
    return callbacks(
        [text] { return Callbacks{.on_open = [text](Connection& c) { c.write(text); }}; });
}

// Returns what a peer in memory receives from the protocol.
std::string sent_by(const ProtocolFactory& factory) {
    MemoryDriver driver;
    const MemoryPeer& peer = driver.connect(factory);
    driver.run();
    CHECK_FALSE(peer.closed());
    CHECK(peer.write_calls() == 1);
    return peer.received();
}

}  // namespace

TEST_CASE("PROXY send: the header is sent before the first data, in the same write") {
    CHECK(sent_by(proxying(saying("hello"), sending(client(), 1))) == kLine + "hello");
    CHECK(sent_by(proxying(saying("hello"), sending(client()))) == tcp4_header("") + "hello");
    CHECK(sent_by(proxying(saying(""), sending(client()))) == tcp4_header(""));
    CHECK(sent_by(proxying(saying("hello"), sending(client(), 2, true))) ==
          summed_header("", "") + "hello");
    const ProxyTlv authority{ProxyTlvType::authority, "example.org"};
    CHECK(sent_by(proxying(saying("hello"), sending(client({authority})))) ==
          tcp4_header(tlv_bytes(0x02, "example.org")) + "hello");
    const ProxyHeader local{.command = ProxyCommand::local};
    CHECK(sent_by(proxying(saying(""), sending(local, 2, true))) == binary_header(0x20, 0x00, ""));
}

TEST_CASE(
    "PROXY send: by default from local() to peer(), or without endpoints if they do not fit") {
    const std::string nameless = binary_header(0x21, 0x31, unix_field("") + unix_field(""));
    CHECK(sent_by(proxying(saying("hello"))) == nameless + "hello");
    CHECK(sent_by(proxying(saying("hello"), {.version = 1})) == "PROXY UNKNOWN\r\nhello");
}

TEST_CASE("PROXY send: a header that cannot be encoded ends the connection before it opens") {
    Log log;
    MemoryDriver driver;
    const MemoryPeer& peer =
        driver.connect(proxying(log.keeping(), sending(client({{ProxyTlvType::noop, ""}}), 1)));
    driver.run();
    CHECK(log.text == "close ");
    CHECK(log.reason == std::errc::invalid_argument);
    CHECK(peer.received() == "");
}

TEST_CASE("PROXY send: an exchange behind the header is the same, whatever the peer does") {
    const auto made = proxying(echoing(), sending(client()));
    CHECK(testing::deliver(made, "hello").output == tcp4_header("") + "hello");
    CHECK(testing::check_deliveries(made, "hello, world") == kNone);
    CHECK(testing::check_robustness(made, 100) == kNone);
}

TEST_CASE("PROXY send: an invalid version, and a checksum with version 1, are named") {
    const auto error = [](const ProxySendOptions& options) {
        const auto factory = send_proxy_header(telling(), options);
        REQUIRE_FALSE(factory);
        CHECK(factory.error() == errc::bad_option);
        return factory.error().context();
    };
    CHECK(error({.version = 3}) == "PROXY protocol version=3: must be 1 or 2");
    CHECK(error({.version = 1, .checksum = true}) ==
          "PROXY protocol checksum: version 1 has no checksum");
    CHECK(error({.limits = {.high_water = 0}}) != "");
}

TEST_CASE("PROXY stacks: the named client is seen at the other end, through chains and throttles") {
    const auto heard_from = [](const ProtocolFactory& server) {
        Meter got;
        MemoryDriver driver;
        driver.join(proxying(callbacks([&] { return meter(got); }), sending(client()))(), server());
        driver.advance(10s);
        return got.text;
    };
    const ThrottleOptions slow{.in_per_second = 1'000, .all_out_per_second = 1'000};
    CHECK(heard_from(behind_proxy(telling(), trusting())) == kClient);
    CHECK(heard_from(behind_proxy(slowed(telling(), slow), trusting())) == kClient);
    CHECK(heard_from(slowed(behind_proxy(telling(), trusting()), slow)) == kClient);
    // A second proxy behind the first. It decides whom to trust by the address that the first one names.
    const auto second = behind_proxy(telling(), {.trust = trust("192.0.2.1")});
    const std::string other = "PROXY TCP4 203.0.113.9 198.51.100.2 1 443\r\n";
    CHECK(testing::deliver(behind_proxy(second, trusting()), kLine + other).output ==
          "tcp://203.0.113.9:1 > tcp://198.51.100.2:443\n");
}

TEST_CASE(
    "PROXY stacks: a throttle above or below changes nothing, at every split and for any peer") {
    const ThrottleOptions fast{.in_per_second = 100'000, .all_out_per_second = 100'000};
    const std::string input = tcp4_header("") + "hello, world";
    const auto above = [&] { return behind_proxy(slowed(telling(), fast), trusting())(); };
    const auto below = [&] { return slowed(behind_proxy(telling(), trusting()), fast)(); };
    for (const ProtocolFactory& made : {ProtocolFactory(above), ProtocolFactory(below)}) {
        CHECK(testing::deliver(made, input).output == kClient + "hello, world");
        CHECK(testing::check_deliveries(made, input) == kNone);
        CHECK(testing::check_robustness(made, 100) == kNone);
    }
}

TEST_CASE("PROXY stacks: only a throttle below counts the bytes of the header") {
    const std::string header = tcp4_header(tlv_bytes(0x04, std::string(969, 'x')));  // 1,000 bytes
    const ThrottleOptions slow{.in_per_second = 1'000};
    for (const bool below : {false, true}) {
        const auto made = below ? slowed(behind_proxy(telling(), trusting()), slow)
                                : behind_proxy(slowed(telling(), slow), trusting());
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(made);
        const auto start = driver.now();
        peer.send(header);
        while (peer.received().empty()) driver.advance(1ms);
        CHECK((driver.now() - start >= 900ms) == below);
    }
}

TEST_CASE("PROXY sockets: a header from a unix peer hides its credentials, and LOCAL does not") {
    const bool told = system_tells_peer();
    for (const auto& [header, named] :
         {std::pair(kLine, true), std::pair(std::string("PROXY UNKNOWN\r\n"), false)}) {
        const TempDir folder;
        bool has_credentials = false;
        const auto looking = callbacks([&] {
            return Callbacks{.on_open = [&](Connection& c) {
                has_credentials = c.peer_credentials().has_value();
                c.close();
            }};
        });
        Reactor reactor;
        FarEnd far(
            listen_on(reactor, behind_proxy(looking, trusting()), {}, "unix:" + (folder / "socket"))
                .local);
        CHECK(far.send(header) == header.size());
        far.read_to_end(reactor);
        CHECK(has_credentials == (told && !named));
    }
}

TEST_CASE("PROXY sockets: a server that trusts a client sees the endpoints that it names") {
    std::array<Meter, 4> meters;
    std::size_t used = 0;
    Reactor reactor;
    const auto listening =
        listen_on(reactor, behind_proxy(telling(), {.trust = trust("127.0.0.0/8")}));
    for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{2}}) {
        Meter &named = meters[used++], &own = meters[used++];
        const auto connect = [&](ProxySendOptions options, Meter& got) {
            const auto made = proxying(callbacks([&] { return meter(got); }), std::move(options));
            REQUIRE(reactor.connect(listening.local, made()));
        };
        connect(sending(client(), version), named);
        connect({.version = version}, own);
        run_until(reactor,
                  [&] { return test::has(named.text, "\n") && test::has(own.text, "\n"); });
        CHECK(named.text == kClient);
        CHECK(own.text.starts_with("tcp://127.0.0.1:"));
        CHECK(own.text.ends_with(" > " + listening.local.to_string() + "\n"));
    }
}

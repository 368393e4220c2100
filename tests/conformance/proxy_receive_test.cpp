// The layer that receives headers of the PROXY protocol, in memory, on a virtual clock.
#include <doctest/doctest.h>

#include <stdexcept>

#include "conforms.hpp"
#include "proxy_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using testing::MemoryPeer;

namespace {

// Returns how a connection ends whose peer sends `sent`, followed by a FIN if `fin` is set.
Log end_of(const std::string& sent, bool fin, const ProxyReceiveOptions& options = trusting()) {
    Log log;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(behind_proxy(log.keeping(), options), options.limits);
    peer.send(sent);
    driver.run();
    if (fin) peer.shutdown_write();
    driver.run();
    CHECK(peer.closed());
    CHECK(peer.unread() == 0);
    return log;
}

}  // namespace

TEST_CASE("PROXY receive: the ends are those of the header, at every split, and data follows") {
    for (const std::string& header :
         {kLine, tcp4_header(""),
          tcp4_header(tlv_bytes(0x02, "example.org") + tlv_bytes(0xe0, "\r\n")),
          summed_header(tlv_bytes(0x04, "noop"), tlv_bytes(0x05, "id"))}) {
        const auto made = behind_proxy(telling(), trusting());
        const std::string input = header + "hello" + header;
        CHECK(testing::deliver(made, input).output == kClient + "hello" + header);
        CHECK(testing::check_deliveries(made, input) == kNone);
    }
    const auto made = behind_proxy(telling(), trusting());
    const std::string ipv6 = binary_header(0x21, 0x21, kIpv6Block);
    CHECK(testing::deliver(made, ipv6).output ==
          "tcp://[2001:db8::1]:12345 > tcp://[2001:db8::2]:443\n");
    const std::string local =
        binary_header(0x21, 0x31, unix_field("/client") + unix_field("/server"));
    CHECK(testing::deliver(made, local).output == "unix:/client > unix:/server\n");
}

TEST_CASE("PROXY receive: a header that names no endpoints keeps those of the connection") {
    const auto made = behind_proxy(telling(), trusting());
    for (const std::string& header :
         {std::string("PROXY UNKNOWN\r\n"),
          std::string("PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n"), binary_header(0x20, 0x00, ""),
          binary_header(0x20, 0x11, kIpv4Block), binary_header(0x21, 0x00, "")}) {
        CHECK(testing::deliver(made, header + "hello").output == kNobody + "hello");
        CHECK(testing::check_deliveries(made, header + "hello") == kNone);
    }
}

TEST_CASE("PROXY receive: from a peer that is not trusted a header is data, and forges nothing") {
    for (const char* const list : {"", "127.0.0.1,0.0.0.0/0,::/0"}) {
        ProxyReceiveOptions options{.max_header = 16};
        if (*list != '\0') options.trust = trust(list);
        const auto made = behind_proxy(telling(), options);
        for (const std::string& header :
             {kLine, tcp4_header(""), std::string("PROXY nonsense\r\n")}) {
            CHECK(testing::deliver(made, header + "hello").output == kNobody + header + "hello");
            CHECK(testing::check_deliveries(made, header) == kNone);
        }
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(made);
        driver.run();
        // a protocol that speaks first does not wait for a header
        CHECK(peer.received() == kNobody);
        driver.advance(1h);
        CHECK_FALSE(peer.closed());
    }
}

TEST_CASE("PROXY receive: nothing is opened before the header is whole") {
    Log log;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(behind_proxy(log.keeping(), trusting()));
    for (const char byte : kLine) {
        CHECK(log.text == "");
        CHECK(peer.connection() == nullptr);
        peer.send({&byte, 1});
        driver.run();
    }
    CHECK(log.text == "open ");
    REQUIRE(peer.connection() != nullptr);
    CHECK(peer.connection()->peer().to_string() == "tcp://192.0.2.1:12345");
    CHECK(driver.find(peer.id()) == peer.connection());
}

TEST_CASE(
    "PROXY receive: a header that is incomplete ends the connection exactly at the time-out") {
    for (const std::string sent : {"", "PROXY TCP4 "}) {
        Log log;
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(behind_proxy(log.keeping(), trusting()));
        driver.run();
        driver.advance(4s);
        peer.send(sent);
        driver.advance(999ms);
        CHECK_FALSE(peer.closed());
        driver.advance(1ms);
        CHECK(log.text == "close ");
        CHECK(log.reason == errc::first_byte_timed_out);
        CHECK(peer.saw_reset());
    }
}

TEST_CASE(
    "PROXY receive: once the header is complete its time-out is over, and 0 means no time-out") {
    for (const auto limit : {100ms, 0ms}) {
        ProxyReceiveOptions options = trusting();
        options.header_timeout = limit;
        Log log;
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(behind_proxy(log.keeping(), options));
        driver.advance(limit > 0ms ? 99ms : 1h);
        peer.send(kLine);
        driver.run();
        peer.connection()->set_deadline(driver.now() + 2h);
        driver.advance(2h - 1ms);
        CHECK(log.text == "open ");
        driver.advance(1ms);
        CHECK(log.text == "open deadline ");
    }
}

TEST_CASE("PROXY receive: what is not a header of a stream ends the connection, at every split") {
    const std::string datagram = binary_header(0x21, 0x12, kIpv4Block);
    const std::string local =
        binary_header(0x21, 0x32, unix_field("/client") + unix_field("/server"));
    for (const std::string& sent : {std::string("GET / HTTP/1.1\r\n\r\n"), datagram, local,
                                    std::string("PROXY TCP4 192.0.2.1 198.51.100.2 080 443\r\n")}) {
        const Log log = end_of(sent, false);
        CHECK(log.text == "close ");
        CHECK(log.reason == errc::malformed_message);
        CHECK(testing::check_deliveries(behind_proxy(telling(), trusting()), sent + "x",
                                        {.eof_after_input = false}) == kNone);
    }
}

TEST_CASE(
    "PROXY receive: a header longer than max_header or max_read_buffer is refused, at every "
    "split") {
    const std::string header = tcp4_header(tlv_bytes(0x04, std::string(169, 'x')));  // 200 bytes
    REQUIRE(header.size() == 200);
    for (const std::size_t most : {199U, 200U}) {
        for (const bool unread : {false, true}) {
            ProxyReceiveOptions options = trusting();
            (unread ? options.limits.max_read_buffer : options.max_header) = most;
            const auto made = behind_proxy(telling(), options);
            const testing::ConformanceOptions limited{.limits = options.limits};
            const auto outcome = testing::deliver(made, header, limited);
            CHECK(outcome.output == (most == 200 ? kClient : ""));
            CHECK(outcome.reason == (most == 200 ? std::error_code() : errc::message_too_large));
            CHECK(testing::check_deliveries(made, header, limited) == kNone);
        }
    }
    // the length alone is enough to refuse it
    const Log log = end_of(binary_header(0x21, 0x11, "", 0xffff), false);
    CHECK(log.reason == errc::message_too_large);
}

TEST_CASE("PROXY receive: a FIN before, within and after the header") {
    const Log before = end_of("", true);
    CHECK(before.text == "close ");
    CHECK_FALSE(before.reason);
    const std::string header = tcp4_header("");
    for (std::size_t size = 1; size < header.size(); ++size) {
        const Log within = end_of(header.substr(0, size), true);
        CHECK(within.text == "close ");
        CHECK(within.reason == errc::incomplete_message);
    }
    const Log after = end_of(header, true);
    CHECK(after.text == "open eof close ");
    CHECK_FALSE(after.reason);
}

TEST_CASE(
    "PROXY receive: a drain closes silent connections, and is told to those that open later") {
    Log idle, late;
    MemoryDriver driver;
    const MemoryPeer& silent = driver.connect(behind_proxy(idle.keeping(), trusting()));
    MemoryPeer& slow = driver.connect(behind_proxy(late.keeping(), trusting()));
    driver.run();
    slow.send("PROXY ");
    driver.drain();
    driver.advance(1s);
    CHECK(silent.closed());
    CHECK(idle.text == "close ");
    CHECK_FALSE(idle.reason);
    CHECK_FALSE(slow.closed());  // a request is in progress
    slow.send(kLine.substr(6) + "hello");
    driver.run();
    CHECK(late.text == "open stop hello ");
    driver.advance(1s);
    CHECK(late.text == "open stop hello close ");
}

TEST_CASE("PROXY receive: the protocol above behaves as without the layer") {
    SUBCASE("a pause in on_open keeps the bytes behind the header") {
        Log log;
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(
            behind_proxy(callbacks([&log] {
                             return Callbacks{.on_open = [](Connection& c) { c.pause_reading(); },
                                              .on_data =
                                                  [&log](Connection&, MutableBytes in) {
                                                      log.text += as_text(in);
                                                      return in.size();
                                                  }};
                         }),
                         trusting()));
        peer.send(kLine + "hello");
        driver.advance(1h);
        CHECK(log.text == "");
        peer.connection()->resume_reading();
        driver.run();
        CHECK(log.text == "hello");
    }
    SUBCASE("a throw in on_open") {
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(behind_proxy(
            callbacks([] {
                return Callbacks{.on_open = [](Connection&) { throw std::runtime_error("no"); }};
            }),
            trusting()));
        peer.send(kLine + "hello");
        driver.run();
        CHECK(peer.close_reason() == errc::handler_failed);
        CHECK(peer.failure() == "on_open threw: no");
    }
    SUBCASE("a switch keeps the ends") {
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(behind_proxy(
            callbacks([] {
                return Callbacks{.on_open = [](Connection& c) { c.switch_to(telling()()); }};
            }),
            trusting()));
        peer.send(kLine + "hello");
        driver.run();
        CHECK(peer.received() == kClient + "hello");
    }
}

TEST_CASE("PROXY receive: conforms, whatever the peer does") {
    CHECK(testing::check_robustness(behind_proxy(telling(), trusting()), 200) == kNone);
    CHECK(testing::check_robustness(behind_proxy(telling()), 100) == kNone);
}

TEST_CASE("PROXY receive: options out of range are named, and a refusing factory refuses") {
    const auto error = [](const ProxyReceiveOptions& options) {
        const auto factory = receive_proxy_header(telling(), options);
        REQUIRE_FALSE(factory);
        CHECK(factory.error() == errc::bad_option);
        return factory.error().context();
    };
    CHECK(error({.header_timeout = -1ms}) ==
          "PROXY protocol header_timeout=-1ms: must not be negative");
    CHECK(error({.max_header = 15}) == "PROXY protocol max_header=15: must be at least 16");
    CHECK(error({.limits = {.high_water = 0}}) != "");
    CHECK(behind_proxy([] { return nullptr; })() == nullptr);
    CHECK(proxying([] { return nullptr; })() == nullptr);
}

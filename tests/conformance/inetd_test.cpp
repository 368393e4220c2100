// The services of RFC 862 to 868: their exact bytes, however input arrives.
#include <doctest/doctest.h>

#include <set>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"

using namespace switchboard;
using namespace std::chrono;
using test::conforms;
using testing::Outcome;

namespace {

constexpr WallTime kMoon = sys_days(July / 20 / 1969) + 20h + 17min + 40s;

WallClock clock_at(WallTime when) {
    return [when] { return when; };
}

// Returns what a service that speaks first sends. It must close by itself, without an error.
std::string said(const ProtocolFactory& factory) {
    const Outcome outcome = testing::deliver(factory, "", {.eof_after_input = false});
    CHECK(outcome.closed);
    CHECK_FALSE(outcome.reason);
    return outcome.output;
}

std::string time_at(WallTime when) {
    return said(factory_of<Time>(clock_at(when)));
}

std::string big_endian(std::uint64_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
}

std::string quote(std::string text) {
    return said([&] { return std::make_unique<Qotd>([&] { return std::string_view(text); }); });
}

std::string all_bytes() {
    std::string text;
    for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
    return text;
}

}  // namespace

TEST_CASE("echo: sends back any input") {
    const std::string input = all_bytes() + std::string(3000, 'x');
    CHECK(testing::deliver(factory_of<Echo>(), input) == Outcome{input, true, {}});
    CHECK(testing::deliver(factory_of<Echo>(), "x", {.eof_after_input = false}) ==
          Outcome{"x", false, {}});
    conforms(factory_of<Echo>(), input.substr(0, 600));
}

TEST_CASE("echo: a peer that does not read costs bounded memory, and loses nothing") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(factory_of<Echo>());
    const std::string input(10 * 1024 * 1024, 'x');
    peer.set_window(0);
    peer.send(input).shutdown_write();
    driver.run();
    CHECK(peer.queued() >= 64 * 1024);
    CHECK(peer.queued() <= 512 * 1024);
    CHECK_FALSE(peer.closed());
    peer.set_window(input.size());
    driver.run();
    CHECK(peer.received() == input);
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
}

TEST_CASE("discard: sends nothing and reads everything") {
    CHECK(testing::deliver(factory_of<Discard>(), all_bytes()) == Outcome{"", true, {}});
    conforms(factory_of<Discard>(), all_bytes());
}

TEST_CASE("chargen: the rotating pattern of RFC 864") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(factory_of<Chargen>());
    peer.set_window(74 * 200 + 10);
    peer.send("thrown away");
    driver.run();
    const std::string& got = peer.received();
    REQUIRE(got.size() == 74 * 200 + 10);
    for (std::size_t line = 0; line < 200; ++line) {
        std::string expected;
        for (std::size_t i = 0; i < 72; ++i) {
            expected += static_cast<char>(32 + (line + i) % 95);
        }
        REQUIRE(got.substr(line * 74, 74) == expected + "\r\n");
    }
    CHECK(
        got.starts_with(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                        "abcdefg\r\n!\"#"));
    CHECK_FALSE(peer.closed());
}

TEST_CASE("chargen: is as fast as its peer, and at most high_water ahead") {
    testing::MemoryDriver driver(testing::NetworkFaults{.seed = 7, .short_writes = true});
    auto& peer = driver.connect(factory_of<Chargen>());
    std::string all;
    while (all.size() < 1'000'000) {
        peer.set_window(all.size() + 50'000);
        driver.run();
        REQUIRE(peer.queued() <= 64 * 1024 + 95 * 74);
        REQUIRE(peer.received().size() == all.size() + 50'000);
        all = peer.received();
    }
    const std::size_t period = 95 * 74;
    for (std::size_t i = period; i < all.size(); ++i) REQUIRE(all[i] == all[i - period]);
    peer.reset();
    driver.run();
    CHECK(peer.closed());
}

TEST_CASE("chargen: ends at the peer's FIN, also while that peer does not read") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(factory_of<Chargen>());
    peer.set_window(0);
    driver.run();
    REQUIRE(peer.queued() > 64 * 1024);
    peer.send(std::string(2'000'000, 'x')).shutdown_write();
    driver.run();
    CHECK(peer.unread() == 0);
    peer.set_window(1'000'000);
    driver.run();
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
    CHECK(peer.received().size() < 100'000);
}

TEST_CASE("daytime: the form RFC 867 suggests") {
    CHECK(said(factory_of<Daytime>(clock_at(kMoon))) == "Sunday, July 20, 1969 20:17:40-UTC\r\n");
    const auto text = [](auto day) { return daytime_text(sys_days(day) + 17h + 37min + 43s); };
    CHECK(text(February / 22 / 1982) == "Monday, February 22, 1982 17:37:43-UTC");
    CHECK(text(February / 29 / 2024) == "Thursday, February 29, 2024 17:37:43-UTC");
    CHECK(text(December / 31 / 1999) == "Friday, December 31, 1999 17:37:43-UTC");
    CHECK(daytime_text(sys_days(January / 1 / 1970) - 1ns) ==
          "Wednesday, December 31, 1969 23:59:59-UTC");
    conforms(factory_of<Daytime>(clock_at(kMoon)), "");
}

TEST_CASE("time: the examples of RFC 868, and later times") {
    CHECK(time_at(sys_days(January / 1 / 1970)) == big_endian(2'208'988'800));
    CHECK(time_at(sys_days(January / 1 / 1976)) == big_endian(2'398'291'200));
    CHECK(time_at(sys_days(January / 1 / 1980)) == big_endian(2'524'521'600));
    CHECK(time_at(sys_days(May / 1 / 1983)) == big_endian(2'629'584'000));
    CHECK(time_at(sys_days(November / 17 / 1858)) == big_endian(0x1'0000'0000 - 1'297'728'000));
    CHECK(time_at(sys_days(January / 1 / 1970)) == "\x83\xaa\x7e\x80");
    CHECK(time_at(sys_days(January / 1 / 1900)) == big_endian(0));
    CHECK(time_at(sys_days(February / 7 / 2036) + 6h + 28min + 15s) == big_endian(0xffff'ffff));
    CHECK(time_at(sys_days(February / 7 / 2036) + 6h + 28min + 16s) == big_endian(0));
    conforms(factory_of<Time>(clock_at(kMoon)), "");
}

TEST_CASE("qotd: one quote, at most 512 characters") {
    CHECK(quote("short") == "short\r\n");
    CHECK(quote(std::string(510, 'q')) == std::string(510, 'q') + "\r\n");
    CHECK(quote(std::string(600, 'q')) == std::string(510, 'q') + "\r\n");
    conforms(factory_of<Qotd>([] { return std::string_view("short"); }), "");
}

TEST_CASE("qotd: another quote every day, all printable and short enough") {
    std::set<std::string_view> quotes;
    for (int day = -30; day < 30; ++day) {
        const WallTime noon = sys_days(January / 1 / 1970) + days(day) + 12h;
        const std::string_view text = quote_of(noon);
        CHECK(text == quote_of(noon + 11h));
        CHECK(text != quote_of(noon + 12h));
        CHECK(text.size() <= 510);
        for (const char c : text) REQUIRE((c >= ' ' && c <= '~'));
        quotes.insert(text);
    }
    CHECK(quotes.size() >= 10);
}

TEST_CASE("inetd: everything is registered, with its RFC, and takes no options") {
    Registry registry;
    register_inetd(registry, clock_at(kMoon));
    REQUIRE(registry.all().size() == 7);
    for (const auto& entry : registry.all()) {
        CAPTURE(entry.name);
        CHECK(entry.summary.find("(RFC 86") != std::string::npos);
        CHECK_FALSE(entry.needs_reactor);
        REQUIRE(registry.make(entry.name, {}, {}));
        CHECK(registry.make(entry.name, {}, {}).value()());
        const auto wrong = registry.make(entry.name, Options(Options::Map{{"size", "1"}}), {});
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error() == errc::bad_option);
    }
    CHECK(said(registry.make("daytime", {}, {}).value()).starts_with("Sunday, July 20, 1969"));
    CHECK(said(registry.make("qotd", {}, {}).value()) == std::string(quote_of(kMoon)) + "\r\n");
}

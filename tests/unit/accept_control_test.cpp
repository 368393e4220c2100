// Whom a listener lets in, and when, without a socket.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <accept_control.hpp>

using namespace switchboard;
using namespace std::chrono_literals;
using detail::AcceptRate;
using detail::AddressCounts;

namespace {

SocketAddress address(const char* text) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return {reinterpret_cast<sockaddr*>(&v4), sizeof v4};
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    REQUIRE(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
    return {reinterpret_cast<sockaddr*>(&v6), sizeof v6};
}

// How many come from `start` on within `time`, if there is always one more that waits.
std::size_t come(AcceptRate& rate, Clock::time_point start, std::chrono::milliseconds time) {
    std::size_t count = 0;
    for (auto now = start; now < start + time;) {
        const auto wait = rate.wait(now);
        now += wait;
        if (wait.count() > 0) continue;
        rate.took(now);
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("accept rate: a tenth of a second's worth at once, then evenly, none too early") {
    const Clock::time_point start{10s};
    AcceptRate rate(100);
    for (int i = 0; i < 10; ++i) {
        CHECK(rate.wait(start) == 0ms);
        rate.took(start);
    }
    CHECK(rate.wait(start) == 10ms);
    CHECK(rate.wait(start + 9ms) == 1ms);
    CHECK(rate.wait(start + 10ms) == 0ms);
    CHECK(come(rate, start + 10ms, 10s) == 1'000);
    CHECK(come(rate, start + 60s, 10s) == 1'009);  // after a rest, no more than ten at once
}

TEST_CASE(
    "accept rate: slow ones come one by one, none is no limit, and so is what none could reach") {
    const Clock::time_point start{10s};
    AcceptRate slow(2);
    CHECK(come(slow, start, 10s) == 20);
    AcceptRate none(0);
    AcceptRate most(SIZE_MAX);
    for (int i = 0; i < 1'000; ++i) {
        CHECK(none.wait(start) == 0ms);
        CHECK(most.wait(start) == 0ms);
        none.took(start);
        most.took(start);
    }
}

TEST_CASE(
    "address counts: an IPv4 address is one, however it is written, and so is a /64 of IPv6") {
    AddressCounts counts(2);
    counts.enter(0, address("192.0.2.1"));
    CHECK_FALSE(counts.is_full(address("192.0.2.1")));
    counts.enter(1, address("::ffff:192.0.2.1"));
    CHECK(counts.is_full(address("192.0.2.1")));
    CHECK(counts.is_full(address("::ffff:192.0.2.1")));
    CHECK_FALSE(counts.is_full(address("192.0.2.2")));
    counts.enter(2, address("2001:db8:0:1::1"));
    counts.enter(3, address("2001:db8:0:1:ffff::2"));
    CHECK(counts.is_full(address("2001:db8:0:1::3")));
    CHECK_FALSE(counts.is_full(address("2001:db8:0:2::1")));
    CHECK(counts.addresses() == 2);
}

TEST_CASE("address counts: who leaves makes room once, and nothing stays behind") {
    AddressCounts counts(1);
    counts.enter(7, address("192.0.2.1"));
    counts.leave(8);  // nobody
    CHECK(counts.is_full(address("192.0.2.1")));
    counts.leave(7);
    counts.leave(7);
    CHECK_FALSE(counts.is_full(address("192.0.2.1")));
    CHECK(counts.addresses() == 0);
}

TEST_CASE("address counts: unix sockets have no address") {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    const SocketAddress unix_peer(reinterpret_cast<sockaddr*>(&path), sizeof path);
    AddressCounts one(1);
    one.enter(0, unix_peer);
    CHECK_FALSE(one.is_full(unix_peer));
    CHECK(one.addresses() == 0);
}

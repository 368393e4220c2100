// Which connections a listener accepts, and when. Without sockets.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <atomic>
#include <connection/accept_limits.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;
using detail::AcceptLimits;
using detail::AcceptRate;
using Verdict = detail::AcceptLimits::Verdict;

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

// Returns how many connections are accepted within `time`, if one always waits.
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

TEST_CASE("accept rate: a tenth of a second's share at once, then evenly, and none too early") {
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
    CHECK(come(rate, start + 60s, 10s) == 1'009);  // after a pause, at most ten at once
}

TEST_CASE("accept rate: low rates accept one by one, and zero or a huge rate mean no limit") {
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
    "accept limits: an IPv4 address counts as one, however it is written, and so does an IPv6 "
    "/64") {
    const auto key = [](const char* text) { return detail::address_key(address(text)); };
    CHECK(key("192.0.2.1") == key("::ffff:192.0.2.1"));
    CHECK(key("192.0.2.1") != key("192.0.2.2"));
    CHECK(key("2001:db8:0:1::1") == key("2001:db8:0:1:ffff::2"));
    CHECK(key("2001:db8:0:1::1") != key("2001:db8:0:2::1"));
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    CHECK_FALSE(detail::address_key({reinterpret_cast<sockaddr*>(&path), sizeof path}));
}

TEST_CASE("accept limits: leaving makes room, and nothing stays behind") {
    ServerLimits limits;
    limits.max_connections = 3;
    limits.max_per_address = 1;
    AcceptLimits control(limits);
    auto one = detail::address_key(address("192.0.2.1")),
         other = detail::address_key(address("::1"));
    std::optional<detail::AddressKey> none;
    CHECK(control.enter(one) == Verdict::welcome);
    CHECK(control.enter(one) == Verdict::address_full);
    CHECK(control.enter(other) == Verdict::welcome);
    CHECK(control.enter(none) == Verdict::welcome);  // from a unix socket
    CHECK(control.enter(none) == Verdict::full);
    control.leave(none);
    CHECK(control.enter(one) == Verdict::address_full);
    control.leave(one);
    CHECK(control.enter(one) == Verdict::welcome);
    CHECK(control.addresses() == 2);
    control.leave(one);
    control.leave(other);
    CHECK(control.addresses() == 0);
}

TEST_CASE("accept limits: without a limit per address no address is stored") {
    AcceptLimits control({});
    auto key = detail::address_key(address("192.0.2.1"));
    for (int i = 0; i < 10; ++i) CHECK(control.enter(key) == Verdict::welcome);
    CHECK(control.addresses() == 0);
}

TEST_CASE("accept limits: a peer refused on one thread takes no room from peers of another") {
    ServerLimits limits;
    limits.max_connections = 2;
    limits.max_per_address = 1;
    AcceptLimits control(limits);
    const auto one = detail::address_key(address("192.0.2.1")),
               other = detail::address_key(address("192.0.2.2"));
    auto stays = one;
    REQUIRE(control.enter(stays) == Verdict::welcome);
    std::atomic<bool> over{false};
    int welcome = 0, turned_away = 0;
    std::thread refused([&] {
        while (!over) {
            auto key = one;
            welcome += control.enter(key) == Verdict::welcome;
        }
    });
    for (int i = 0; i < 200'000; ++i) {
        auto key = other;
        if (control.enter(key) != Verdict::welcome) {
            ++turned_away;
            continue;
        }
        control.leave(key);
    }
    over = true;
    refused.join();
    CHECK(welcome == 0);
    CHECK(turned_away == 0);
}

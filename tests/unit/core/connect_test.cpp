#include <doctest/doctest.h>
#include <poll.h>
#include <chrono>
#include <switchboard/socket.hpp>
#include <vector>

#include "loopback.hpp"
#include "signals.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using Timer = std::chrono::steady_clock;

namespace {

Error connect_error(const Endpoint& at, std::chrono::milliseconds timeout = 5s) {
    const auto connected = connect(at, timeout);
    REQUIRE_MESSAGE(!connected.has_value(), at.to_string());
    return connected.error();
}

bool writable(const Socket& socket) {
    pollfd entry{socket.fd(), POLLOUT, 0};
    return ::poll(&entry, 1, 5'000) == 1;
}

SocketAddress address_of(const Endpoint& at) {
    return at.addresses()->front();
}

}  // namespace

TEST_CASE("connect: in the requested mode, with and without a timeout") {
    const TempDir dir;
    for (const std::string& text : {std::string("127.0.0.1:0"), "unix:" + (dir / "socket")}) {
        const Listener listener(text);
        for (const auto timeout : {0ms, 5'000ms, std::chrono::milliseconds::max()}) {
            for (const Blocking asked : {Blocking::yes, Blocking::no}) {
                const auto socket = connect(listener.at, timeout, {.blocking = asked});
                REQUIRE(socket.has_value());
                CHECK(is_blocking(socket->fd()) == (asked == Blocking::yes));
                CHECK(is_close_on_exec(socket->fd()));
                CHECK(socket->peer() == listener.at);
                CHECK_FALSE(socket->take_error());
            }
        }
    }
}

TEST_CASE("connect: a timeout does not stay set on a unix socket") {
    const TempDir dir;
    const Listener listener("unix:" + (dir / "socket"));
    const auto socket = connect(listener.at, 5s);
    timeval value{};
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(socket->fd(), SOL_SOCKET, SO_SNDTIMEO, &value, &size) == 0);
    CHECK((value.tv_sec == 0 && value.tv_usec == 0));
}

TEST_CASE("connect: refused") {
    const Error refused = connect_error(endpoint("127.0.0.1:1"));
    CHECK(refused == std::errc::connection_refused);
    CHECK(refused.message() == "connect tcp://127.0.0.1:1: connection refused");
    CHECK(connect_error(endpoint("127.0.0.1:1"), 0ms) == std::errc::connection_refused);
    if (machine_has_ipv6())
        CHECK(connect_error(endpoint("[::1]:1")).message() ==
              "connect tcp://[::1]:1: connection refused");
}

TEST_CASE("connect: to a path without a listener") {
    const TempDir dir;
    const Endpoint path = Endpoint::unix_path(dir / "socket");
    CHECK(connect_error(path).message() ==
          "connect " + path.to_string() + ": no such file or directory");
    { const Listener gone(path.to_string()); }
    CHECK(connect_error(path).message() == "connect " + path.to_string() + ": connection refused");
}

TEST_CASE("connect: a name's error names each address that was tried") {
    const Error refused = connect_error(endpoint("localhost:1"));
    CHECK(refused == std::errc::connection_refused);
    const std::string message = refused.message();
    CHECK(message.starts_with("connect tcp://localhost:1: "));
    CHECK(message.find("127.0.0.1: connection refused") != std::string::npos);
    const Error unknown = connect_error(endpoint("no.such.host.invalid:80"));
    CHECK(unknown.code().category() == resolver_category());
    CHECK(unknown.message().starts_with("connect tcp://no.such.host.invalid:80: "));
}

TEST_CASE("connect: every address is tried") {
    // "*" stands for an IPv6 and an IPv4 address of this machine, in this order.
    const Listener ipv4_only("127.0.0.1:0");
    CHECK(connect(Endpoint::tcp("*", ipv4_only.at.port()), 5s).has_value());
    const Listener named("localhost:0");
    CHECK(connect(named.at, 5s).has_value());
}

TEST_CASE("connect: times out against a listener that takes no more") {
    const FullListener full("127.0.0.1:0");
    const auto before = Timer::now();
    const Error error = connect_error(full.listener.at, 120ms);
    CHECK(Timer::now() - before >= 120ms);
    CHECK(error == errc::connect_timed_out);
    CHECK(error == make_error_condition(std::errc::timed_out));
    CHECK(error.message() == "connect " + full.listener.at.to_string() + ": connect timed out");
}

TEST_CASE("connect: times out against a unix listener that takes no more") {
    const TempDir dir;
    const FullListener full("unix:" + (dir / "socket"));
    const auto before = Timer::now();
    const Error error = connect_error(full.listener.at, 120ms);
    CHECK(Timer::now() - before >= 115ms);
    CHECK(error == errc::connect_timed_out);
    CHECK(full.listener.socket.accept().has_value());
    CHECK(connect(full.listener.at, 5s).has_value());  // there is room again
}

TEST_CASE("connect: signals neither end the wait nor prolong it") {
    const TempDir dir;
    for (const std::string& text : {std::string("127.0.0.1:0"), "unix:" + (dir / "socket")}) {
        const FullListener full(text);
        const SignalStorm storm;
        SignalStorm::wait_for(1);
        const auto before = Timer::now();
        CHECK(connect_error(full.listener.at, 100ms) == errc::connect_timed_out);
        CHECK(Timer::now() - before >= 95ms);
        CHECK(signals_counted > 1);
    }
}

TEST_CASE("connect: endpoints that cannot be connected to are refused") {
    CHECK(connect_error(endpoint("fd:0")).message() == "connect fd:0: not supported here");
    CHECK(connect_error(Endpoint()) == errc::bad_endpoint);
    const Endpoint path = Endpoint::unix_path("/tmp/" + std::string(200, 'x'));
    CHECK(connect_error(path).message() == "connect " + path.to_string() + ": file name too long");
}

TEST_CASE("start_connect: ends when the socket is writable, and take_error() returns the result") {
    const Listener listener;
    const auto good = start_connect(address_of(listener.at));
    REQUIRE(good.has_value());
    CHECK_FALSE(is_blocking(good->fd()));
    CHECK(is_close_on_exec(good->fd()));
    CHECK(writable(*good));
    CHECK_FALSE(good->take_error());
    CHECK(good->peer() == listener.at);

    const auto refused = start_connect(address_of(endpoint("127.0.0.1:1")));
    REQUIRE(refused.has_value());
    CHECK(writable(*refused));
    CHECK(refused->take_error() == std::errc::connection_refused);
    CHECK_FALSE(refused->take_error());  // the error is reported once
}

TEST_CASE("start_connect: an immediate error names the address") {
    const TempDir dir;
    const Endpoint path = Endpoint::unix_path(dir / "socket");
    CHECK(start_connect(address_of(path)).error().message() ==
          "connect " + path.to_string() + ": no such file or directory");
    const FullListener full(path.to_string());
    CHECK(start_connect(address_of(path)).error() == std::errc::resource_unavailable_try_again);
}

TEST_CASE("connect from: an address of this machine, which the peer sees") {
    const Listener listener;
    SocketOptions from;
    from.from = endpoint("127.0.0.7:0");
    const auto waited = connect(listener.at, 5s, from);
    const auto started = start_connect(address_of(listener.at), from);
    for (const auto* socket : {&waited, &started}) {
        REQUIRE(socket->has_value());
        CHECK((*socket)->local()->host() == "127.0.0.7");
        CHECK(listener.socket.accept()->peer() == (*socket)->local());
    }
    from.from = endpoint("*:0");  // any address of either family
    CHECK(connect(listener.at, 5s, from).has_value());
}

TEST_CASE("connect from: one port serves connects to several peers") {
    const Listener one, other;
    SocketOptions from;
    from.from = Listener().at;  // this port is free again
    const auto first = connect(one.at, 5s, from), second = connect(other.at, 5s, from);
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    CHECK(first->local() == second->local());
    const Error taken = connect(one.at, 5s, from).error();
    CHECK(taken == std::errc::address_not_available);
}

TEST_CASE("connect from: errors name both ends") {
    const Listener listener;
    const TempDir dir;
    const auto told = [&](const char* from, const Endpoint& to) {
        SocketOptions options;
        options.from = endpoint(from);
        const auto connected = connect(to, 5s, options);
        REQUIRE_FALSE(connected.has_value());
        return connected.error().message();
    };
    const std::string tried = "connect " + listener.at.to_string() + " from ";
    CHECK(told("192.0.2.1:0", listener.at) ==
          tried + "tcp://192.0.2.1:0: cannot assign requested address");
    CHECK(told("[::1]:0", listener.at) ==
          tried + "tcp://[::1]:0: address family not supported by protocol");
    CHECK(told("localhost:0", listener.at) ==
          tried + "tcp://localhost:0: the source must be a literal address: bad option");
    CHECK(told("unix:/x", listener.at) ==
          tried + "unix:/x: the source must be an address such as tcp://127.0.0.2:0: bad option");
    CHECK(
        told("127.0.0.1:0", Endpoint::unix_path(dir / "socket"))
            .ends_with("from tcp://127.0.0.1:0: a unix socket has no source address: bad option"));
}

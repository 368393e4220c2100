#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <switchboard/socket.hpp>
#include <thread>
#include <type_traits>
#include <vector>

#include "loopback.hpp"
#include "signals.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using Timer = std::chrono::steady_clock;

namespace {

std::vector<std::byte> random_bytes(std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::mt19937 random(7);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random()); });
    return bytes;
}

void check_both_ways(const Pair& pair) {
    CHECK(pair.client.send_all(as_bytes("ping")).has_value());
    CHECK(receive_text(pair.server) == "ping");
    CHECK(pair.server.send_all(as_bytes("pong")).has_value());
    CHECK(receive_text(pair.client) == "pong");
}

// Sends until an error occurs, and returns it.
std::error_code send_until_error(const Socket& socket) {
    const auto bytes = random_bytes(64 * 1024);
    for (;;) {
        const auto sent = socket.send(bytes);
        if (!sent) return sent.error();
    }
}

bool no_delay(const Socket& socket) {
    int on = 0;
    socklen_t size = sizeof on;
    REQUIRE(::getsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
    return on != 0;
}

}  // namespace

TEST_CASE("socket: IPv4, both ways, and both ends agree on their addresses") {
    const Pair pair("127.0.0.1:0");
    check_both_ways(pair);
    CHECK(pair.client.local() == pair.server.peer());
    CHECK(pair.client.peer() == pair.server.local());
    CHECK(pair.client.peer()->host() == "127.0.0.1");
    CHECK(pair.client.peer()->port() != 0);
}

TEST_CASE("socket: IPv6") {
    if (!machine_has_ipv6()) return;
    const Pair pair("[::1]:0");
    check_both_ways(pair);
    CHECK(pair.client.local() == pair.server.peer());
    CHECK(pair.client.peer()->host() == "::1");
}

TEST_CASE("socket: unix") {
    const TempDir dir;
    const Pair pair("unix:" + (dir / "socket"));
    check_both_ways(pair);
    CHECK(pair.client.peer() == Endpoint::unix_path(dir / "socket"));
    CHECK(pair.server.local() == Endpoint::unix_path(dir / "socket"));
    CHECK(pair.server.peer() == Endpoint::unix_path(""));
}

TEST_CASE("socket: a socket can be moved, but not copied") {
    static_assert(!std::is_copy_constructible_v<Socket> && !std::is_copy_assignable_v<Socket>);
    static_assert(std::is_nothrow_move_constructible_v<Socket>);
    Pair pair;
    const int fd = pair.client.fd();
    Socket moved(std::move(pair.client));
    CHECK_FALSE(static_cast<bool>(pair.client));
    CHECK(moved.fd() == fd);
    moved = std::move(pair.server);
    CHECK(::fcntl(fd, F_GETFD) == -1);  // its old descriptor is closed
    const int released = moved.release();
    CHECK_FALSE(static_cast<bool>(moved));
    CHECK(::fcntl(released, F_GETFD) >= 0);
    { const Socket last(released); }
    CHECK(::fcntl(released, F_GETFD) == -1);
    moved.close();  // closing an empty socket does nothing
}

TEST_CASE("socket: self-assignment leaves it open") {
    Pair pair;
    Socket& same = pair.client;
    pair.client = std::move(same);
    CHECK(static_cast<bool>(pair.client));
    check_both_ways(pair);
}

TEST_CASE("socket: send_all sends more than the buffers hold") {
    const Pair pair;
    const auto bytes = random_bytes(32 * 1024 * 1024);
    std::thread sender([&] {
        CHECK(pair.client.send_all(bytes).has_value());
        CHECK(pair.client.shutdown_write().has_value());
    });
    const std::string got = receive_all(pair.server);
    sender.join();
    CHECK((got == as_text(bytes)));
}

TEST_CASE("socket: half-close, either way round") {
    const Pair pair;
    CHECK(pair.client.send_all(as_bytes("the request")).has_value());
    CHECK(pair.client.shutdown_write().has_value());
    CHECK(receive_all(pair.server) == "the request");
    CHECK(pair.server.send_all(as_bytes("the reply, after the FIN")).has_value());
    CHECK(receive_text(pair.client) == "the reply, after the FIN");
    CHECK(pair.client.send(as_bytes("x")).error() == std::errc::broken_pipe);

    const Pair other;
    CHECK(other.server.shutdown_write().has_value());
    CHECK(receive_all(other.client).empty());
    CHECK(other.client.send_all(as_bytes("still listening?")).has_value());
    CHECK(receive_text(other.server) == "still listening?");
    CHECK(other.client.shutdown_write().has_value());
    CHECK(receive_all(other.server).empty());
}

TEST_CASE("socket: a reset is seen as one, and a close is not") {
    Pair pair;
    pair.client.reset_on_close();
    pair.client.close();
    std::array<std::byte, 8> buffer{};
    const auto got = pair.server.receive(buffer);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error() == std::errc::connection_reset);
    CHECK(got.error().message() == "receive: connection reset by peer");

    Pair orderly;
    orderly.client.close();
    CHECK(receive_all(orderly.server).empty());
}

TEST_CASE("socket: a write to a vanished peer is an error and no signal") {
    const TempDir dir;
    const Disposition fatal(SIGPIPE, SIG_DFL);  // a SIGPIPE would end this process
    for (const std::string& at : {std::string("127.0.0.1:0"), "unix:" + (dir / "socket")}) {
        Pair pair(at);
        pair.server.reset_on_close();
        pair.server.close();
        send_until_error(pair.client);
        CHECK(send_until_error(pair.client) == std::errc::broken_pipe);
    }
    struct sigaction now {};
    REQUIRE(::sigaction(SIGPIPE, nullptr, &now) == 0);
    CHECK((now.sa_handler == SIG_DFL));  // the disposition has not changed
}

TEST_CASE("socket: blocking calls end after their timeout, and wait for ever without") {
    Pair pair;
    REQUIRE(pair.client.set_timeouts(30ms, 40ms).has_value());
    const auto before = Timer::now();
    std::array<std::byte, 8> buffer{};
    CHECK(pair.client.receive(buffer).error() == std::errc::operation_would_block);
    CHECK(Timer::now() - before >= 25ms);
    const auto sending = Timer::now();
    CHECK(send_until_error(pair.client) == std::errc::operation_would_block);
    CHECK(Timer::now() - sending >= 35ms);

    REQUIRE(pair.client.set_timeouts(0ms, 1'500ms).has_value());
    timeval value{};
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(pair.client.fd(), SOL_SOCKET, SO_RCVTIMEO, &value, &size) == 0);
    CHECK((value.tv_sec == 0 && value.tv_usec == 0));
    REQUIRE(::getsockopt(pair.client.fd(), SOL_SOCKET, SO_SNDTIMEO, &value, &size) == 0);
    CHECK((value.tv_sec == 1 && value.tv_usec >= 500'000 && value.tv_usec < 520'000));
}

TEST_CASE("socket: a non-blocking one never waits") {
    const Listener listener("127.0.0.1:0", {.blocking = Blocking::no});
    CHECK(listener.socket.accept().error() == std::errc::operation_would_block);

    Pair pair("127.0.0.1:0", {.blocking = Blocking::no});
    std::array<std::byte, 8> buffer{};
    CHECK(pair.client.receive(buffer).error() == std::errc::operation_would_block);
    CHECK(pair.server.receive(buffer).error() == std::errc::operation_would_block);
    CHECK(send_until_error(pair.client) == std::errc::operation_would_block);
    CHECK(pair.client.send_all(as_bytes("x")).error() == std::errc::operation_would_block);
    REQUIRE(pair.server.set_blocking(Blocking::yes).has_value());
    CHECK(is_blocking(pair.server.fd()));
    REQUIRE(pair.server.set_blocking(Blocking::no).has_value());
    CHECK_FALSE(is_blocking(pair.server.fd()));
}

TEST_CASE("socket: accept returns the requested mode, whatever the listener's mode") {
    for (const Blocking listening : {Blocking::yes, Blocking::no}) {
        const Listener listener("127.0.0.1:0", {.blocking = listening});
        CHECK(is_blocking(listener.socket.fd()) == (listening == Blocking::yes));
        for (const Blocking asked : {Blocking::yes, Blocking::no}) {
            const auto client = connect(listener.at);
            REQUIRE(client.has_value());
            SocketAddress peer;
            const auto accepted = listener.socket.accept(asked, &peer);
            REQUIRE(accepted.has_value());
            CHECK(is_blocking(accepted->fd()) == (asked == Blocking::yes));
            CHECK(Endpoint::from(peer) == client->local());
            CHECK(is_close_on_exec(accepted->fd()));
        }
        CHECK(is_close_on_exec(listener.socket.fd()));
    }
}

TEST_CASE("socket: TCP_NODELAY as requested, and accepted sockets inherit it") {
    for (const bool asked : {true, false}) {
        const Listener listener("127.0.0.1:0", {.no_delay = asked});
        const auto client = connect(listener.at, 5s, {.no_delay = asked});
        REQUIRE(client.has_value());
        const auto accepted = listener.socket.accept();
        REQUIRE(accepted.has_value());
        CHECK(no_delay(*client) == asked);
        CHECK(no_delay(*accepted) == asked);
    }
}

TEST_CASE("socket: shutdown wakes a thread that receives") {
    const Pair pair;
    std::atomic<bool> receiving{false};
    std::thread receiver([&] {
        receiving = true;
        CHECK(receive_all(pair.server).empty());
    });
    while (!receiving) std::this_thread::yield();
    pair.server.shutdown();
    receiver.join();
    CHECK(receive_all(pair.client).empty());
}

TEST_CASE("socket: signals interrupt neither accept nor receive nor send") {
    const Listener listener;
    const auto bytes = random_bytes(16 * 1024 * 1024);
    std::string got;
    std::thread client([&] {
        SignalStorm::wait_for(20);
        const auto socket = connect(listener.at);
        SignalStorm::wait_for(signals_counted + 20);
        CHECK(socket->send_all(as_bytes("hello")).has_value());
        SignalStorm::wait_for(signals_counted + 20);
        got = receive_all(*socket);
    });
    {
        const SignalStorm storm;
        const auto accepted = listener.socket.accept();
        REQUIRE(accepted.has_value());
        CHECK(receive_text(*accepted) == "hello");
        CHECK(accepted->send_all(bytes).has_value());
    }
    client.join();
    CHECK((got == as_text(bytes)));
}

TEST_CASE("socket: calls on an empty socket fail with the name of the call") {
    const Socket none;
    std::array<std::byte, 8> buffer{};
    CHECK(none.receive(buffer).error().message() == "receive: bad file descriptor");
    CHECK(none.send(as_bytes("x")).error().message() == "send: bad file descriptor");
    CHECK(none.accept().error().message() == "accept: bad file descriptor");
    CHECK(none.local().error().message() == "getsockname: bad file descriptor");
    CHECK(none.peer().error().message() == "getpeername: bad file descriptor");
    CHECK(none.shutdown_write().error() == std::errc::bad_file_descriptor);
    CHECK(none.take_error() == std::errc::bad_file_descriptor);
    Socket mine;
    CHECK(mine.set_blocking(Blocking::no).error() == std::errc::bad_file_descriptor);
    CHECK(mine.set_timeouts(1ms, 1ms).error() == std::errc::bad_file_descriptor);
}

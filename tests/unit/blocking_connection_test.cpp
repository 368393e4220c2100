// What a connection of the blocking drivers does when two of its waits meet.
#include <doctest/doctest.h>
#include <poll.h>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>

#include "../support/loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Until the system takes no more, at either end: from here on what is sent waits for the peer.
void fill(const Socket& socket) {
    const int small = 4096;  // a fixed size, which does not grow as it is used
    REQUIRE(::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    const std::string much(64 * 1024, 'x');
    pollfd room{socket.fd(), POLLOUT, 0};
    while (::poll(&room, 1, 250) > 0)
        while (::send(socket.fd(), much.data(), much.size(), MSG_DONTWAIT) > 0) {
        }
}

}  // namespace

TEST_CASE("blocking connection: a protocol switched to in on_eof hears of the FIN itself") {
    Pair pair;
    REQUIRE(pair.client.shutdown_write());
    bool told = false;
    Callbacks next;
    // Without the FIN only this ends it, so that a failure does not hang.
    next.on_open = [](Connection& c) { c.set_deadline(c.now() + 2s); };
    next.on_eof = [&](Connection& c) {
        told = true;
        c.write("bye");
        c.close();
    };
    Callbacks first;
    first.on_eof = [&](Connection& c) { c.switch_to(make_protocol(next)); };
    serve_connection(std::move(pair.server), make_protocol(first));
    CHECK(told);
    CHECK(receive_all(pair.client) == "bye");
}

TEST_CASE("blocking connection: deadlines do not give a peer that takes nothing more time") {
    Pair pair;  // the client never reads
    fill(pair.server);
    int deadlines = 0;
    std::error_code reason;
    Callbacks handler;
    handler.on_open = [&](Connection& c) {
        c.write(std::string(60 * 1024, 'x'));  // fits the queue, so that no write waits
        c.set_deadline(c.now() + 20ms);
    };
    handler.on_deadline = [&](Connection& c) {
        if (++deadlines > 500) return c.abort(std::make_error_code(std::errc::timed_out));
        c.set_deadline(c.now() + 20ms);
    };
    handler.on_close = [&](std::error_code why) { reason = why; };
    ServeOptions options;
    options.limits.write_stall_timeout = 200ms;
    serve_connection(std::move(pair.server), make_protocol(handler), options);
    CHECK(reason == errc::write_stalled);
    CHECK(deadlines > 0);
}

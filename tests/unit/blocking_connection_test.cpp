// What a connection of the blocking drivers does when two of its waits meet.
#include <doctest/doctest.h>
#include <poll.h>
#include <future>
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

TEST_CASE("blocking connection: a reply that the peer takes slowly is no missing first byte") {
    Pair pair;
    const std::string reply(8 * 1024 * 1024, 'x');  // more than both sides take at once
    Callbacks slow;
    slow.on_data = [&](Connection& c, MutableBytes in) {
        c.write(reply);
        c.close();
        return in.size();
    };
    ServeOptions options;
    options.limits.first_byte_timeout = 100ms;
    REQUIRE(pair.client.send_all(as_bytes("x")));
    const auto over = std::async(std::launch::async, [&] {
        serve_connection(std::move(pair.server), make_protocol(slow), options);
    });
    CHECK(over.wait_for(200ms) == std::future_status::timeout);
    CHECK(receive_all(pair.client).size() == reply.size());
}

TEST_CASE("blocking connection: what came while the handler was busy came in time") {
    Pair pair;
    REQUIRE(pair.client.send_all(as_bytes("x")));
    std::error_code reason;
    Callbacks busy;
    busy.on_open = [](Connection& c) {
        for (const auto end = c.now() + 60ms; c.now() < end;) {
        }
    };
    busy.on_data = [](Connection& c, MutableBytes in) {
        c.write(in);
        c.close();
        return in.size();
    };
    busy.on_close = [&](std::error_code why) { reason = why; };
    ServeOptions options;
    options.limits.first_byte_timeout = 20ms;
    serve_connection(std::move(pair.server), make_protocol(busy), options);
    CHECK(receive_all(pair.client) == "x");
    CHECK(reason == std::error_code());
}

TEST_CASE("blocking connection: paused while both ways were shut, it still gets what came before") {
    Pair pair;
    REQUIRE(pair.client.send_all(as_bytes("last words")));
    REQUIRE(pair.client.shutdown_write());
    std::string heard;
    int deadlines = 0;
    Callbacks late;
    late.on_open = [](Connection& c) {
        c.shutdown_write();
        c.pause_reading();
        c.set_deadline(c.now() + 20ms);
    };
    late.on_deadline = [&](Connection& c) {
        if (++deadlines > 1) return c.abort(std::make_error_code(std::errc::timed_out));
        c.resume_reading();
        c.set_deadline(c.now() + 5s);
    };
    late.on_data = [&](Connection&, MutableBytes in) {
        heard += as_text(in);
        return in.size();
    };
    serve_connection(std::move(pair.server), make_protocol(late));
    CHECK(heard == "last words");
    CHECK(deadlines == 1);
}

TEST_CASE("blocking connection: a close waits for a peer that had more to say than was used") {
    Pair pair;
    const std::string reply(1024 * 1024, 'x');  // more than the peer's side takes at once
    Callbacks curt;
    curt.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
        if (in.size() < 2) return 0;
        c.write(reply);
        c.close();
        return 1;
    };
    const auto over = std::async(
        std::launch::async, [&] { serve_connection(std::move(pair.server), make_protocol(curt)); });
    REQUIRE(pair.client.send_all(as_bytes("xy")));
    CHECK(over.wait_for(200ms) == std::future_status::timeout);
    REQUIRE(pair.client.send_all(as_bytes(std::string(100'000, 'z'))));
    CHECK(receive_all(pair.client) == reply);
    REQUIRE(pair.client.shutdown_write());
    CHECK(over.wait_for(10s) == std::future_status::ready);
}

namespace {

struct Accounts {
    ServeStats stats;
    std::string log;
    ServeOptions options;

    Accounts() {
        options.stats = &stats;
        options.log = [this](LogLevel level, std::string_view line) {
            log += (level == LogLevel::error   ? "error: "
                    : level == LogLevel::debug ? "debug: "
                                               : "warning: ") +
                   std::string(line);
        };
    }
    std::string counts() const {
        std::string text;
        for (const std::size_t count :
             {stats.accepted.load(), stats.open.load(), stats.closed.load(), stats.refused.load()})
            text += std::to_string(count);
        return text;
    }
};

}  // namespace

TEST_CASE("serve_connection: it is counted, and while it is open, as such") {
    Pair pair;
    REQUIRE(pair.client.shutdown_write());
    Accounts accounts;
    std::string meanwhile;
    Callbacks handler{.on_open = [&](Connection&) { meanwhile = accounts.counts(); }};
    serve_connection(std::move(pair.server), make_protocol(handler), accounts.options);
    CHECK(meanwhile == "1100");
    CHECK(accounts.counts() == "1010");
    CHECK(accounts.log == "");  // all went well
}

TEST_CASE("serve_connection: what a handler throws is logged, and why a connection ended") {
    const auto log_of = [](Callbacks handler) {
        Pair pair;
        Accounts accounts;
        serve_connection(std::move(pair.server), make_protocol(std::move(handler)),
                         accounts.options);
        CHECK(accounts.counts() == "1010");
        const auto from = accounts.log.find("127.0.0.1:");
        REQUIRE(from != std::string::npos);
        return accounts.log.erase(from, accounts.log.find(": ", from) - from);
    };
    CHECK(log_of({.on_open = [](Connection&) { throw std::runtime_error("on purpose"); }}) ==
          "error: connection from tcp://: on_open threw: on purpose");
    CHECK(log_of({.on_open = [](Connection& c) { c.abort(errc::malformed_message); }}) ==
          "debug: connection from tcp://: " + std::error_code(errc::malformed_message).message());
}

TEST_CASE("serve_connection: a log that throws loses its line and nothing else") {
    Pair pair;
    Accounts accounts;
    accounts.options.log = [](LogLevel, std::string_view) { throw std::runtime_error("full"); };
    Callbacks handler{.on_open = [](Connection& c) { c.abort(errc::malformed_message); }};
    serve_connection(std::move(pair.server), make_protocol(handler), accounts.options);
    CHECK(accounts.counts() == "1010");
}

TEST_CASE("serve_connection: without a protocol the connection is refused") {
    Pair pair;
    Accounts accounts;
    serve_connection(std::move(pair.server), nullptr, accounts.options);
    CHECK(accounts.counts() == "1001");
    CHECK(accounts.log.starts_with("warning: connection from tcp://127.0.0.1:"));
    CHECK(accounts.log.ends_with(" refused: there is no protocol for it"));
    CHECK(receive_all(pair.client) == "");
}

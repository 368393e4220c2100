// A connection of the blocking drivers when two of its waits end at the same time.
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

// Sends until the buffers of the system are full at both ends. Later output has to wait for the peer.
void fill(const Socket& socket) {
    const int small = 4096;  // a fixed size, which the system does not increase
    REQUIRE(::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    const std::string much(64 * 1024, 'x');
    pollfd room{socket.fd(), POLLOUT, 0};
    while (::poll(&room, 1, 250) > 0)
        while (::send(socket.fd(), much.data(), much.size(), MSG_DONTWAIT) > 0) {
        }
}

}  // namespace

TEST_CASE("blocking connection: a switch in on_eof gives the next protocol its own on_eof") {
    Pair pair;
    REQUIRE(pair.client.shutdown_write());
    bool told = false;
    Callbacks next;
    // If the FIN is not reported, this deadline ends the test.
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

TEST_CASE(
    "blocking connection: deadlines do not extend the time-outs of a peer that does not read") {
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
    options.connection.write_stall_timeout = 200ms;
    serve_connection(std::move(pair.server), make_protocol(handler), options);
    CHECK(reason == errc::write_stalled);
    CHECK(deadlines > 0);
}

TEST_CASE("blocking connection: a slowly read reply does not count as a missing first byte") {
    Pair pair;
    const std::string reply(8 * 1024 * 1024, 'x');  // more than both sides take at once
    Callbacks slow;
    slow.on_data = [&](Connection& c, MutableBytes in) {
        c.write(reply);
        c.close();
        return in.size();
    };
    ServeOptions options;
    options.connection.first_byte_timeout = 100ms;
    REQUIRE(pair.client.send_all(as_bytes("x")));
    const auto over = std::async(std::launch::async, [&] {
        serve_connection(std::move(pair.server), make_protocol(slow), options);
    });
    CHECK(over.wait_for(200ms) == std::future_status::timeout);
    CHECK(receive_all(pair.client).size() == reply.size());
}

TEST_CASE("blocking connection: bytes that arrive while the handler is busy are in time") {
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
    options.connection.first_byte_timeout = 20ms;
    serve_connection(std::move(pair.server), make_protocol(busy), options);
    CHECK(receive_all(pair.client) == "x");
    CHECK(reason == std::error_code());
}

TEST_CASE("blocking connection: after a pause, bytes from before both shutdowns are delivered") {
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

TEST_CASE("blocking connection: a close waits for a peer whose input was not all used") {
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

struct ConnectionLog {
    ServeStats stats;
    std::string log;
    ServeOptions options;

    ConnectionLog() {
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

TEST_CASE("serve_connection: the connection is counted, and counts as open until its end") {
    Pair pair;
    REQUIRE(pair.client.shutdown_write());
    ConnectionLog accounts;
    std::string meanwhile;
    Callbacks handler{.on_open = [&](Connection&) { meanwhile = accounts.counts(); }};
    serve_connection(std::move(pair.server), make_protocol(handler), accounts.options);
    CHECK(meanwhile == "1100");
    CHECK(accounts.counts() == "1010");
    CHECK(accounts.log == "");  // no error was logged
}

TEST_CASE("serve_connection: exceptions of a handler and reasons of ends are logged") {
    const auto log_of = [](Callbacks handler) {
        Pair pair;
        ConnectionLog accounts;
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

TEST_CASE("serve_connection: a log that throws loses only its line") {
    Pair pair;
    ConnectionLog accounts;
    accounts.options.log = [](LogLevel, std::string_view) { throw std::runtime_error("full"); };
    Callbacks handler{.on_open = [](Connection& c) { c.abort(errc::malformed_message); }};
    serve_connection(std::move(pair.server), make_protocol(handler), accounts.options);
    CHECK(accounts.counts() == "1010");
}

TEST_CASE("serve_connection: without a protocol the connection is refused") {
    Pair pair;
    ConnectionLog accounts;
    serve_connection(std::move(pair.server), nullptr, accounts.options);
    CHECK(accounts.counts() == "1001");
    CHECK(accounts.log.starts_with("warning: connection from tcp://127.0.0.1:"));
    CHECK(accounts.log.ends_with(" refused: no protocol was given"));
    CHECK(receive_all(pair.client) == "");
}

TEST_CASE("blocking drivers: an empty factory and limits of a reactor are refused at once") {
    const Stop stop = Stop::create().value();
    const auto free_listener = [] { return listen(Endpoint::tcp("127.0.0.1", 0)).value(); };
    for (const auto serve :
         {serve_iterative, serve_threads, serve_thread_pool, serve_processes, serve_process_pool}) {
        const auto empty = serve(free_listener(), {}, stop, {});
        REQUIRE_FALSE(empty);
        CHECK(empty.error() == std::errc::invalid_argument);
        ServeOptions limited;
        limited.server.max_per_address = 1;
        const auto unsupported =
            serve(free_listener(), callbacks([] { return Callbacks{}; }), stop, limited);
        REQUIRE_FALSE(unsupported);
        CHECK(unsupported.error() == errc::unsupported);
    }
}

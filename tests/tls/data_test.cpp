// The data path of TLS in memory: bytes arrive whole and in order, however the records are split or joined.
#include <stdexcept>
#include <switchboard/file.hpp>
#include <switchboard/throttle.hpp>

#include "conforms.hpp"
#include "file_of.hpp"
#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("TLS: an echo, and both protocols see what was agreed on") {
    Meeting meeting;
    meeting.run(make_client(), make_server(), {.sends = "hello", .ends_output = true});
    CHECK(meeting.server.text == "hello");
    CHECK(meeting.client.text == "hello");
    CHECK(meeting.server.calls == "open eof close ");
    CHECK(meeting.client.calls == "open eof close ");
    CHECK_FALSE(meeting.client.reason);
    CHECK_FALSE(meeting.server.reason);
    REQUIRE(meeting.server.security);
    REQUIRE(meeting.client.security);
    CHECK(meeting.server.security->version == "TLSv1.3");
    CHECK(meeting.server.security->cipher == meeting.client.security->cipher);
    CHECK(meeting.server.security->server_name == "server.example");
    CHECK(meeting.server.security->protocol == "");
    CHECK(meeting.server.security->peer == nullptr);
    REQUIRE(meeting.client.security->peer);
    CHECK(meeting.client.security->peer->subject == "CN=server");
    CHECK(meeting.client.security->peer->names ==
          std::vector<std::string>{"DNS:server.example", "IP:127.0.0.1", "IP:192.0.2.1"});
    CHECK_FALSE(meeting.client.security->resumed);
}

TEST_CASE(
    "TLS: large transfers arrive whole, under every fault of the network and with backpressure") {
    const std::string text = numbers(900'000);
    for (const std::size_t window : {1'000U, 64U * 1024U}) {
        for (unsigned faults = 0; faults < 4; ++faults) {
            Meeting meeting;
            meeting.run(make_client(), make_server(), {.sends = text, .ends_output = true},
                        {.echoes = true}, "server.example",
                        {.seed = faults,
                         .short_reads = (faults & 1U) != 0,
                         .short_writes = (faults & 2U) != 0},
                        window);
            CHECK((meeting.server.text == text));
            CHECK((meeting.client.text == text));
            CHECK_FALSE(meeting.client.reason);
        }
    }
}

TEST_CASE("TLS: every split of the client's bytes gives the same") {
    const auto client = make_client({.max_sessions = 0});
    const auto server = make_server();
    std::size_t size = 100;
    for (std::size_t at = 1; at < size; at += 3) {
        Seen seen;
        Wire wire(client, server.wrap(end(seen, {.echoes = true})), {.sends = "hello"});
        wire.driver().run();
        const std::string hello = wire.from_client();
        size = hello.size();
        wire.server_side().send(std::string_view(hello).substr(0, at));
        wire.driver().run();
        CHECK(wire.server_side().received() == "");
        wire.server_side().send(std::string_view(hello).substr(at));
        wire.driver().run();
        wire.client_side().send(wire.from_server());
        wire.driver().run();
        for (const char byte : wire.from_client()) {  // Finished and the data, byte by byte
            wire.server_side().send({&byte, 1});
            wire.driver().run();
        }
        CHECK(seen.text == "hello");
        wire.carry();
        CHECK(wire.seen.text == "hello");
    }
}

TEST_CASE(
    "TLS: records that come together are one piece of data, and writes of one callback are one "
    "record") {
    Seen seen;
    int writes = 0;
    const auto client = make_client();
    const auto server = make_server().wrap(callbacks([&] {
        Callbacks made = seeing(seen);
        made.on_data = [&](Connection& c, MutableBytes in) {
            seen.text += as_text(in);
            ++seen.chunks;
            for (; writes < 16; ++writes) c.write("0123456789");
            CHECK(c.queued() >= 160);
            return in.size();
        };
        return made;
    }));
    Wire wire(client, server);
    wire.carry();
    for (int i = 0; i < 5; ++i) wire.client_side().connection()->write("hello");
    wire.driver().run();
    wire.server_side().send(wire.from_client());
    wire.driver().run();
    CHECK(seen.text == "hellohellohellohellohello");
    CHECK(seen.chunks == 1);
    const std::string answer = wire.from_server();
    CHECK(answer.size() == 5 + 160 + 1 + 16);  // header, text, type, tag
    wire.client_side().send(answer);
    wire.driver().run();
    CHECK(wire.seen.text.size() == 160);
}

TEST_CASE("TLS: a write to another connection, from within a callback, is one record") {
    Connection* other = nullptr;
    const auto client = make_client();
    const auto listens = make_server().wrap(callbacks([&] {
        return Callbacks{.on_open = [&](Connection& connection) { other = &connection; }};
    }));
    Wire listener(client, listens);
    listener.carry();
    REQUIRE(other != nullptr);
    const auto passes_on = make_server().wrap(callbacks([&] {
        return Callbacks{.on_data = [&](Connection&, MutableBytes in) {
            const Bytes pieces[] = {as_bytes("head"), in};
            other->write(std::span<const Bytes>(pieces));
            return in.size();
        }};
    }));
    Wire speaker(client, passes_on);
    speaker.carry();
    speaker.client_side().connection()->write("hello");
    speaker.carry();
    listener.driver().run();
    CHECK(listener.from_server().size() == 5 + 9 + 1 + 16);  // header, text, type, tag
}

TEST_CASE("TLS: shared buffers and files go in order with other writes") {
    const std::string text = numbers(100'000);
    const auto file = file_of(text);
    Seen client, server;
    testing::MemoryDriver driver;
    driver.join(make_client().wrap("server.example", end(client)()),
                make_server().wrap(opening(server, [&](Connection& c) {
                    c.write("first ");
                    c.send_file({.file = file, .offset = 0, .length = text.size()});
                    c.write_shared(shared_bytes(" shared "));
                    c.write("last");
                    c.close();
                }))());
    driver.run();
    CHECK((client.text == "first " + text + " shared last"));
    CHECK_FALSE(client.reason);
    CHECK(client.calls == "open eof close ");
}

TEST_CASE("TLS: a file that is too short ends both") {
    const auto file = file_of("short");
    Seen client, server;
    testing::MemoryDriver driver;
    driver.join(make_client().wrap("server.example", end(client)()),
                make_server().wrap(opening(server, [&](Connection& c) {
                    c.send_file({.file = file, .offset = 0, .length = 100});
                }))());
    driver.run();
    CHECK(server.reason == switchboard::errc::file_too_short);
    CHECK(client.closed);
    CHECK(client.reason);
}

TEST_CASE("TLS: half-close in both directions") {
    Seen server;
    Wire wire(make_client(), make_server().wrap(end(server, {.closes_on_eof = false})),
              {.sends = "question", .ends_output = true, .closes_on_eof = true});
    wire.carry();
    CHECK(server.calls == "open eof ");
    REQUIRE(wire.server_side().connection() != nullptr);
    wire.server_side().connection()->write("answer");
    wire.carry();
    CHECK(wire.seen.text == "answer");
    CHECK_FALSE(wire.seen.closed);
    wire.server_side().connection()->shutdown_write();
    wire.carry();
    CHECK(server.closed);
    CHECK_FALSE(server.reason);
    CHECK(wire.seen.calls == "open eof close ");
    CHECK_FALSE(wire.seen.reason);
}

TEST_CASE("TLS: an abort above is a reset below, and sends no close_notify") {
    Seen server;
    Wire wire(make_client(), make_server().wrap(end(server)));
    wire.carry();
    wire.server_side().connection()->write("lost");
    wire.driver().run();
    (void)wire.from_server();
    wire.server_side().connection()->abort(std::make_error_code(std::errc::owner_dead));
    wire.driver().run();
    CHECK(wire.server_side().saw_reset());
    CHECK(wire.from_server() == "");
    CHECK(server.reason == std::errc::owner_dead);
    wire.client_side().reset();
    wire.driver().run();
    CHECK(wire.seen.reason == std::errc::connection_reset);
}

TEST_CASE("TLS: pauses, deadlines and exceptions above work as without TLS") {
    Seen server;
    SUBCASE("a pause keeps bytes and the end until it is over") {
        Wire wire(make_client(), make_server().wrap(callbacks([&] {
            Callbacks made = seeing(server);
            made.on_open = [](Connection& c) { c.pause_reading(); };
            return made;
        })),
                  {.sends = "hello", .ends_output = true});
        wire.carry();
        CHECK(server.text == "");
        wire.server_side().connection()->resume_reading();
        wire.carry();
        CHECK(server.text == "hello");
        CHECK(server.calls == "eof close ");
    }
    SUBCASE("a deadline") {
        Clock::time_point due;
        Wire wire(make_client(), make_server().wrap(callbacks([&] {
            Callbacks made = seeing(server);
            made.on_open = [&](Connection& c) { c.set_deadline(due = c.now() + 20s); };
            made.on_deadline = [&](Connection& c) {
                CHECK(c.now() == due);
                c.close();
            };
            return made;
        })));
        wire.carry();
        wire.driver().advance(19s);
        CHECK_FALSE(server.closed);
        wire.driver().advance(2s);
        wire.carry();
        CHECK(server.closed);
        CHECK_FALSE(wire.seen.reason);
    }
    SUBCASE("an exception") {
        Wire wire(make_client(), make_server().wrap(callbacks([&] {
            Callbacks made = seeing(server);
            made.on_data = [](Connection&, MutableBytes) -> std::size_t {
                throw std::runtime_error("no");
            };
            return made;
        })),
                  {.sends = "hello"});
        wire.carry();
        CHECK(wire.server_side().close_reason() == switchboard::errc::handler_failed);
        CHECK(wire.server_side().failure() == "on_data threw: no");
        CHECK(server.reason == switchboard::errc::handler_failed);
    }
    SUBCASE("bytes that the handler leaves come again, behind more") {
        std::string lines;
        Wire wire(make_client(), make_server().wrap(callbacks([&] {
            Callbacks made = seeing(server);
            made.on_data = [&](Connection&, MutableBytes in) -> std::size_t {
                if (in.size() < 10) return 0;
                lines += as_text(in.first(10));
                return 10;
            };
            return made;
        })),
                  {.sends = "12345"});
        wire.carry();
        CHECK(lines == "");
        wire.client_side().connection()->write("67890ab");
        wire.carry();
        CHECK(lines == "1234567890");
    }
}

TEST_CASE("TLS: find() gives the connection above, and none before the handshake is done") {
    Seen server;
    Wire wire(make_client(), make_server().wrap(end(server)));
    wire.driver().run();
    CHECK(wire.server_side().connection() == nullptr);
    CHECK(wire.client_side().connection() == nullptr);
    wire.carry();
    REQUIRE(wire.server_side().connection() != nullptr);
    CHECK(wire.server_side().connection()->security().has_value());
}

TEST_CASE("TLS: what was agreed on is seen above another layer, too") {
    Seen seen;
    const auto slow = throttled(end(seen), {.out_per_second = 1'000'000});
    REQUIRE(slow);
    Wire wire(make_client(), make_server().wrap(*slow));
    wire.carry();
    REQUIRE(seen.security);
    CHECK(seen.security->server_name == "server.example");
}

TEST_CASE("a connection without TLS has no security") {
    Seen seen;
    testing::MemoryDriver driver;
    driver.connect(end(seen));
    driver.run();
    CHECK(seen.calls == "open ");
    CHECK_FALSE(seen.security);
}

TEST_CASE("TLS: conforms, whatever the peer does") {
    const auto echo = [] {
        return callbacks([] {
            return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
                c.write(in);
                return in.size();
            }};
        });
    };
    const auto server = make_server();
    CHECK(testing::check_robustness(server.wrap(echo()), 200) == kNone);
    const auto client = make_client();
    CHECK(testing::check_robustness([&] { return client.wrap("server.example", echo()()); }, 50) ==
          kNone);
}

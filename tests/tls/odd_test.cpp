// What is unusual but right, and what goes wrong above or below TLS.
#include <fcntl.h>
#include <openssl/err.h>

#include "openssl_client.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("TLS: long and empty writes to another connection, from within a callback") {
    Connection* other = nullptr;
    const auto client = make_client();
    const auto listens = make_server().wrap(callbacks([&] {
        return Callbacks{.on_open = [&](Connection& connection) { other = &connection; }};
    }));
    Wire listener(client, listens);
    listener.carry();
    REQUIRE(other != nullptr);
    const std::string large = numbers(40'000);
    const auto passes_on = make_server().wrap(callbacks([&] {
        return Callbacks{.on_data = [&](Connection& own, MutableBytes in) {
            own.write("got it");
            const Bytes pieces[] = {in, Bytes(), as_bytes(large), as_bytes("end")};
            other->write(std::span<const Bytes>(pieces));
            other->write("");
            return in.size();
        }};
    }));
    Wire speaker(client, passes_on);
    speaker.carry();
    speaker.client_side().connection()->write("hello");
    speaker.carry();
    listener.carry();
    CHECK((listener.seen.text == "hello" + large + "end"));
    CHECK(speaker.seen.text == "got it");
}

TEST_CASE("TLS: a shared buffer goes out at once if nothing is queued") {
    const std::string text = numbers(50'000);
    Seen client, server;
    testing::MemoryDriver driver;
    driver.join(make_client().wrap("server.example", end(client)()),
                make_server().wrap(opening(server, [&](Connection& c) {
                    c.write("first ");
                    c.write_shared(shared_bytes(text));
                    c.write_shared(shared_bytes(""));
                    c.write(" last");
                    c.close();
                }))());
    driver.run();
    CHECK((client.text == "first " + text + " last"));
    CHECK_FALSE(client.reason);
}

TEST_CASE("TLS: a file that cannot be read ends both") {
    const auto file = std::make_shared<const File>(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    Seen client, server;
    testing::MemoryDriver driver;
    driver.join(make_client().wrap("server.example", end(client)()),
                make_server().wrap(opening(
                    server, [&](Connection& c) { c.send_file({.file = file, .length = 5}); }))());
    driver.run();
    CHECK(server.reason == std::errc::bad_file_descriptor);
    CHECK(client.closed);
    CHECK(client.reason);
}

TEST_CASE("TLS: an error that other code left in OpenSSL's queue is not the connection's") {
    const auto spoil = [] { ERR_raise(ERR_LIB_USER, 1); };
    Seen seen;
    Wire wire(make_client(), make_server().wrap(callbacks([&] {
        Callbacks made = seeing(seen);
        made.on_data = [&](Connection& c, MutableBytes in) {
            seen.text += as_text(in);
            spoil();
            c.write(in);
            spoil();
            return in.size();
        };
        return made;
    })));
    wire.carry();
    for (int i = 0; i < 3; ++i) {
        spoil();
        wire.client_side().connection()->write("x");
        wire.carry();
    }
    CHECK(seen.text == "xxx");
    CHECK(wire.seen.text == "xxx");
    CHECK_FALSE(wire.seen.closed);
    ERR_clear_error();
}

TEST_CASE("TLS: bytes behind close_notify are ignored, and the other direction goes on") {
    Seen server;
    Wire wire(make_client(), make_server().wrap(end(server, {.closes_on_eof = false})),
              {.sends = "question", .ends_output = true});
    wire.carry(false);
    CHECK(server.calls == "open eof ");
    wire.server_side().send("these are no records");
    wire.driver().run();
    CHECK(server.text == "question");
    CHECK_FALSE(server.closed);
    wire.server_side().shutdown_write();
    wire.driver().run();
    wire.server_side().connection()->write("answer");
    wire.carry(false);
    CHECK(wire.seen.text == "answer");
    CHECK(server.calls == "open eof ");
}

TEST_CASE("TLS: within TLS") {
    Seen client, server;
    const auto outer = make_client(), inner = make_client();
    const std::string text = numbers(60'000);
    testing::MemoryDriver driver;
    driver.join(
        outer.wrap("server.example",
                   inner.wrap("192.0.2.1", end(client, {.sends = text, .ends_output = true})())),
        make_server().wrap(make_server().wrap(end(server, {.echoes = true})))());
    driver.run();
    CHECK((client.text == text));
    CHECK(client.calls == "open eof close ");
    CHECK_FALSE(client.reason);
    REQUIRE(server.security);
    CHECK(server.security->server_name == "");  // of the inner layer, which has an address
}

TEST_CASE("TLS: a factory that makes no protocol refuses the connection") {
    Wire wire(make_client(), make_server().wrap([]() -> std::unique_ptr<Protocol> { return {}; }));
    wire.carry();
    CHECK(wire.server_side().saw_reset());
    CHECK(wire.server_side().close_reason() == std::errc::connection_aborted);
}

TEST_CASE("TLS: a malformed server name is refused") {
    for (const auto& [place, value] : {std::pair{3, '\1'}, {2, '\1'}}) {
        Seen seen;
        TlsClient client(openssl_options());
        std::string hello = client.take_output();
        const auto name = hello.find("server.example");
        REQUIRE(name != std::string::npos);
        hello[name - static_cast<std::size_t>(place)] = value;  // the type, or the size
        testing::MemoryDriver driver;
        auto& peer = driver.connect(make_server().wrap(end(seen)));
        peer.send(hello);
        driver.run();
        CHECK(peer.close_reason().category() == tls::openssl_category());
        CHECK(seen.calls == "");
    }
}

TEST_CASE("TLS: a name without a dot finds no wildcard, and gets the first certificate") {
    const auto server = make_server({.certificates = {
                                         authority().issue({.names = "DNS:first"}),
                                         authority().issue({.names = "DNS:*.example"}),
                                     }});
    Meeting meeting;
    meeting.run(make_client({.verify = false}), server, {}, {}, "example");
    REQUIRE(meeting.server.security);
    CHECK(meeting.server.security->server_name == "example");
    Meeting refused;
    refused.run(make_client(), server, {}, {}, "example");
    CHECK(refused.client.reason ==
          std::error_code(X509_V_ERR_HOSTNAME_MISMATCH, tls::verify_category()));
}

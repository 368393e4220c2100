// TLS over sockets of the loopback address: under a reactor, under threads, and with OpenSSL's own client.
#include <switchboard/blocking.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_exchange.hpp>

#include <cstdio>
#include <fstream>
#include <thread>

#include "loopback.hpp"
#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

ProtocolFactory plain_echo() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(in);
            return in.size();
        }};
    });
}

// Sends `text` to an echo at `at`, and checks what comes back.
void check_echo(Reactor& reactor, const Endpoint& at, const std::string& text) {
    Seen seen;
    Callbacks made = seeing(seen, {.sends = text, .ends_output = true});
    made.on_close = [&reactor, &seen](std::error_code why) {
        seen.closed = true;
        seen.reason = why;
        reactor.stop();
    };
    const auto client = make_client();
    const auto factory = callbacks([&made] { return made; });
    REQUIRE(reactor.connect(at, client.wrap("127.0.0.1", factory())));
    reactor.run();
    CHECK((seen.text == text));
    CHECK_FALSE(seen.reason);
    CHECK(seen.calls == "open eof ");
}

}  // namespace

TEST_CASE("TLS: an echo of 300,000 bytes between two connections of a reactor") {
    Reactor reactor;
    const auto listening =
        reactor.listen(endpoint("127.0.0.1:0"), make_server().wrap(plain_echo()));
    REQUIRE(listening);
    check_echo(reactor, listening->local, numbers(300'000));
}

TEST_CASE("TLS: exchange() above a layer of TLS, on a reactor and with a blocking socket") {
    Reactor reactor;
    Listener listener;
    const auto listening =
        reactor.listen(std::move(listener.socket), listener.at, make_server().wrap(plain_echo()));
    REQUIRE(listening);
    const std::string text = numbers(300'000);
    const auto options = [](const std::string& name) {
        ExchangeOptions made;
        made.layer = [client = make_client(), name](std::unique_ptr<Protocol> above) {
            return client.wrap(name, std::move(above));
        };
        return made;
    };
    const auto ask = [&](const std::string& name) {
        Result<std::vector<std::byte>> reply = fail(switchboard::errc::unsupported, "");
        const Bytes bytes = as_bytes(text);
        exchange(reactor, listener.at, {bytes.begin(), bytes.end()}, options(name), [&](auto done) {
            reply = std::move(done);
            reactor.stop();
        });
        reactor.run();
        return reply;
    };
    const auto reply = ask("127.0.0.1");
    REQUIRE(reply);
    CHECK((as_text(*reply) == text));
    const auto refused = ask("other.example");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("certificate verify failed") != std::string::npos);
    std::thread client([&] {
        const auto blocking = exchange(listener.at, as_bytes(text), options("127.0.0.1"));
        CHECK((blocking && as_text(*blocking) == text));
        reactor.post([&] { reactor.stop(); });
    });
    reactor.run();
    client.join();
}

TEST_CASE("TLS: the time-out of an exchange on a reactor includes the handshake") {
    const Listener silent;
    Reactor reactor;
    ExchangeOptions options;
    options.timeout = std::chrono::milliseconds(50);
    tls::ClientOptions client;
    client.common.handshake_timeout = {};
    options.layer = [made = *tls::Client::make(client)](std::unique_ptr<Protocol> above) {
        return made.wrap("127.0.0.1", std::move(above));
    };
    std::error_code why;
    exchange(reactor, silent.at, {}, options, [&](auto reply) {
        why = reply.error().code();
        reactor.stop();
    });
    reactor.run();
    CHECK(why == std::errc::timed_out);
}

TEST_CASE("TLS: an echo of 300,000 bytes from a server with threads") {
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop);
    std::thread server([&] {
        const auto served =
            serve_threads(std::move(listener.socket), make_server().wrap(plain_echo()), *stop);
        CHECK(served.has_value());
    });
    {
        Reactor reactor;
        for (int i = 0; i < 3; ++i) check_echo(reactor, listener.at, numbers(300'000));
    }
    stop->drain();
    server.join();
}

namespace {

// Returns what the command writes.
std::string output_of(const std::string& command) {
    std::FILE* const from = ::popen(command.c_str(), "r");
    REQUIRE(from != nullptr);
    std::string text;
    for (int c = std::fgetc(from); c != EOF; c = std::fgetc(from)) text += static_cast<char>(c);
    ::pclose(from);
    return text;
}

ProtocolFactory one_answer() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(c.security()->version + " ");
            c.write(in);
            c.close();
            return in.size();
        }};
    });
}

}  // namespace

TEST_CASE("TLS: OpenSSL's own client is answered, in both versions, and verifies the certificate") {
    if (output_of("openssl version 2>&1").find("OpenSSL") != 0) {
        MESSAGE("no openssl program on this machine: nothing checked");
        return;
    }
    const TempDir dir;
    std::ofstream(dir / "ca.pem") << authority().pem();
    Listener listener;
    auto stop = Stop::create();
    REQUIRE(stop);
    std::thread server([&] {
        const auto served =
            serve_threads(std::move(listener.socket), make_server().wrap(one_answer()), *stop);
        CHECK(served.has_value());
    });
    const std::string at = listener.at.to_string().substr(std::string("tcp://").size());
    for (const std::string version : {"2", "3"}) {
        CHECK(output_of("echo hello | timeout 20 openssl s_client -connect " + at + " -tls1_" +
                        version +
                        " -quiet -verify_quiet -verify_return_error -verify_ip 127.0.0.1 -CAfile " +
                        (dir / "ca.pem") + " 2>/dev/null") == "TLSv1." + version + " hello\n");
    }
    stop->drain();
    server.join();
}

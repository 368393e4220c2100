// The handshake of TLS in memory: who is accepted, what is agreed on, and how it fails.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Returns why the client ended; the server must have been told by an alert.
std::error_code client_refuses(const tls::Client& client, const tls::Server& server,
                               const std::string& name = "server.example") {
    Meeting meeting;
    meeting.run(client, server, {}, {}, name);
    CHECK(meeting.client.calls == "close ");
    CHECK_FALSE(meeting.server.opened());
    return meeting.client.reason;
}

tls::ServerOptions with_certificates(std::vector<tls::Certificate> certificates) {
    tls::ServerOptions options;
    options.certificates = std::move(certificates);
    return options;
}

tls::ServerOptions with_protocols(std::vector<std::string> protocols) {
    tls::ServerOptions options;
    options.common.protocols = std::move(protocols);
    return options;
}

tls::Client offering(std::vector<std::string> protocols) {
    tls::ClientOptions options;
    options.common.protocols = std::move(protocols);
    return make_client(std::move(options));
}

// Sends the bytes to a new server, followed by a FIN if `fin` is set, and returns how the connection ended.
std::error_code end_after(const std::string& bytes, bool fin, std::string* answer = nullptr) {
    Seen seen;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(make_server().wrap(end(seen)));
    if (!bytes.empty()) peer.send(bytes);
    driver.run();
    if (fin) peer.shutdown_write();
    driver.run();
    CHECK(peer.closed());
    CHECK(seen.calls == "");
    if (answer != nullptr) *answer = peer.received();
    return peer.close_reason();
}

std::error_code verify_error(int code) {
    return {code, tls::verify_category()};
}

}  // namespace

TEST_CASE("TLS: the client verifies the name, the authority and the time") {
    CHECK(client_refuses(make_client(), make_server(), "other.example") ==
          verify_error(X509_V_ERR_HOSTNAME_MISMATCH));
    CHECK(client_refuses(make_client(), make_server(), "192.0.2.2") ==
          verify_error(X509_V_ERR_IP_ADDRESS_MISMATCH));
    const Authority other("other");
    const auto untrusted =
        make_server(with_certificates({other.issue({.names = "DNS:server.example"})}));
    const std::error_code unknown = client_refuses(make_client(), untrusted);
    CHECK(unknown == verify_error(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY));
    CHECK(unknown.message() == "certificate verify failed: unable to get local issuer certificate");
    const auto expired =
        authority().issue({.names = "DNS:server.example", .begins = -99, .ends = -9});
    CHECK(client_refuses(make_client(), make_server(with_certificates({expired}))) ==
          verify_error(X509_V_ERR_CERT_HAS_EXPIRED));
    const auto only_subject = authority().issue({.subject = "server.example"});
    CHECK(client_refuses(make_client(), make_server(with_certificates({only_subject}))) ==
          verify_error(X509_V_ERR_HOSTNAME_MISMATCH));
    for (const std::string& name :
         {std::string(), std::string(254, 'a'), std::string("a\0b", 3), std::string(".example")})
        CHECK(client_refuses(make_client(), make_server(), name) == tls::errc::bad_name);
}

TEST_CASE("TLS: an address is verified as such and not sent, and verify=false accepts everything") {
    Meeting address;
    address.run(make_client(), make_server(), {.sends = "hello"}, {.echoes = true}, "192.0.2.1");
    CHECK(address.client.text == "hello");
    REQUIRE(address.server.security);
    CHECK(address.server.security->server_name == "");
    Meeting any;
    any.run(make_client({.verify = false}), make_server(), {.sends = "hello"}, {.echoes = true},
            "other.example");
    CHECK(any.client.text == "hello");
    REQUIRE(any.client.security);
    CHECK(any.client.security->peer == nullptr);
}

TEST_CASE("TLS: the server is told by an alert that its certificate is refused") {
    Seen server;
    Wire wire(make_client(), make_server().wrap(end(server)), {}, "other.example");
    wire.carry();
    CHECK(wire.client_side().close_reason() == verify_error(X509_V_ERR_HOSTNAME_MISMATCH));
    CHECK(wire.server_side().close_reason().category() == tls::openssl_category());
    CHECK(has(wire.server_side().close_reason().message(), "alert bad certificate"));
}

TEST_CASE("TLS: ALPN takes the server's best, and no match is alert 120") {
    const auto agreed = [](std::vector<std::string> ours, std::vector<std::string> theirs) {
        Meeting meeting;
        meeting.run(offering(std::move(theirs)), make_server(with_protocols(std::move(ours))));
        REQUIRE(meeting.client.security);
        CHECK(meeting.client.security->protocol == meeting.server.security->protocol);
        return meeting.client.security->protocol;
    };
    CHECK(agreed({"h2", "http/1.1"}, {"http/1.1", "h2"}) == "h2");
    CHECK(agreed({"http/1.1"}, {"h2", "http/1.1"}) == "http/1.1");
    CHECK(agreed({"http/1.1"}, {}) == "");
    CHECK(agreed({}, {"http/1.1"}) == "");
    Seen server;
    Wire wire(offering({"h3"}), make_server(with_protocols({"h2"})).wrap(end(server)));
    wire.carry();
    CHECK(wire.server_side().close_reason() == tls::errc::no_common_protocol);
    CHECK(ERR_GET_REASON(static_cast<unsigned long>(wire.client_side().close_reason().value())) ==
          SSL_AD_REASON_OFFSET + 120);
}

TEST_CASE("TLS: the client's name selects the certificate, exact names first, then wildcards") {
    auto options =
        with_certificates({authority().issue({.subject = "first", .names = "DNS:first.example"}),
                           authority().issue({.subject = "wild", .names = "DNS:*.wild.example"}),
                           authority().issue({.subject = "exact", .names = "DNS:a.wild.example"})});
    const auto subject = [&](const tls::Server& server, const std::string& name) {
        Meeting meeting;
        meeting.run(make_client(), server, {}, {}, name);
        return meeting.client.security ? meeting.client.security->peer->subject
                                       : meeting.client.reason.message();
    };
    const auto server = make_server(options);
    CHECK(subject(server, "first.example") == "CN=first");
    CHECK(subject(server, "a.wild.example") == "CN=exact");
    CHECK(subject(server, "A.Wild.example") == "CN=exact");
    CHECK(subject(server, "b.wild.example") == "CN=wild");
    CHECK(client_refuses(make_client(), server, "c.b.wild.example") ==
          verify_error(X509_V_ERR_HOSTNAME_MISMATCH));
    options.strict_names = true;
    const auto strict = make_server(options);
    CHECK(subject(strict, "b.wild.example") == "CN=wild");
    Seen seen;
    Wire wire(make_client(), strict.wrap(end(seen)), {}, "other.example");
    wire.carry();
    CHECK(wire.server_side().close_reason() == tls::errc::unknown_name);
    CHECK(has(wire.client_side().close_reason().message(), "unrecognized name"));
}

TEST_CASE("TLS: clients may, must or need not present a certificate") {
    const auto alice =
        authority().issue({.subject = "alice", .names = "URI:spiffe://example/alice"});
    const Authority other("other");
    const auto eve = other.issue({.subject = "eve"});
    const auto peer = [&](tls::ClientCertificates clients, std::vector<tls::Certificate> shows) {
        tls::ServerOptions options;
        options.common.trust_pem = authority().pem();
        options.clients = clients;
        Meeting meeting;
        meeting.run(make_client({.certificates = std::move(shows)}),
                    make_server(std::move(options)));
        if (!meeting.server.opened()) return std::string("refused");
        const auto& who = meeting.server.security->peer;
        if (who) CHECK(who->names == std::vector<std::string>{"URI:spiffe://example/alice"});
        return who ? who->subject : "nobody";
    };
    using enum tls::ClientCertificates;
    CHECK(peer(none, {alice}) == "nobody");
    CHECK(peer(optional, {}) == "nobody");
    CHECK(peer(optional, {alice}) == "CN=alice");
    CHECK(peer(optional, {eve}) == "refused");
    CHECK(peer(required, {}) == "refused");
    CHECK(peer(required, {alice}) == "CN=alice");
    CHECK(peer(required, {eve}) == "refused");
}

TEST_CASE("TLS: what is no handshake is refused, and plain HTTP is answered") {
    std::string answer;
    CHECK(end_after("GET / HTTP/1.1\r\n\r\n", false, &answer) == tls::errc::not_tls);
    CHECK(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(end_after(std::string(100, '\0'), false, &answer) == tls::errc::not_tls);
    CHECK(answer == "");
    const std::string garbage = std::string("\x16\x03\x01\x00\x10", 5) + std::string(16, 'x');
    CHECK(end_after(garbage, false).category() == tls::openssl_category());
    const std::string too_long = std::string("\x16\x03\x01\xff\xff", 5);
    CHECK(end_after(too_long, false).category() == tls::openssl_category());
    CHECK_FALSE(end_after("", true));
    CHECK(end_after("\x16", true) == tls::errc::truncated);
}

TEST_CASE("TLS: a handshake has a limit in time and in bytes") {
    Seen seen;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(make_server().wrap(end(seen)));
    peer.send("\x16");
    driver.run();
    driver.advance(9'999ms);
    CHECK_FALSE(peer.closed());
    driver.advance(1ms);
    CHECK(peer.close_reason() == tls::errc::handshake_timed_out);
    CHECK(peer.close_reason() == std::errc::timed_out);

    tls::ServerOptions options;
    options.common.max_handshake = 100;
    Wire wire(make_client(), make_server(options).wrap(end(seen)));
    wire.carry();
    CHECK(wire.server_side().close_reason() == tls::errc::handshake_too_large);
    CHECK(wire.client_side().close_reason() == tls::errc::truncated);
    CHECK(wire.seen.calls == "close ");
}

TEST_CASE("TLS: a FIN without close_notify is an error, unless it is allowed") {
    for (const bool strict : {true, false}) {
        for (const bool within : {false, true}) {
            Seen seen;
            tls::ServerOptions options;
            options.common.require_close_notify = strict;
            Wire wire(make_client(), make_server(options).wrap(end(seen)), {.sends = "hello"});
            wire.carry(false);
            wire.client_side().connection()->write("more");
            wire.driver().run();
            const std::string record = wire.from_client();
            wire.server_side().send(record.substr(0, record.size() - (within ? 1 : 0)));
            wire.server_side().shutdown_write();
            wire.driver().run();
            const bool error = strict || within;
            CHECK(seen.text == (within ? "hello" : "hellomore"));
            CHECK(seen.calls == (error ? "open close " : "open eof close "));
            CHECK(seen.reason == (error ? tls::errc::truncated : std::error_code()));
        }
    }
}

TEST_CASE(
    "TLS: a record that was changed on its way ends the connection, after what came before it") {
    Seen seen;
    Wire wire(make_client(), make_server().wrap(end(seen)));
    wire.carry();
    wire.client_side().connection()->write("good");
    wire.client_side().connection()->write("bad");
    wire.driver().run();
    std::string records = wire.from_client();
    records.back() = static_cast<char>(records.back() ^ 1);
    wire.server_side().send(records);
    wire.driver().run();
    CHECK(seen.text == "good");
    CHECK(seen.reason.category() == tls::openssl_category());
    CHECK(has(seen.reason.message(), "bad record mac"));
    wire.client_side().send(wire.from_server());
    wire.driver().run();
    CHECK(has(wire.seen.reason.message(), "alert bad record mac"));
}

TEST_CASE("TLS: records without data have a limit, which begins anew with data") {
    tls::ClientOptions options;
    options.common.quiet_records = 1;  // OpenSSL's servers send two tickets
    Seen seen;
    Wire wire(make_client(options), make_server().wrap(end(seen)));
    wire.carry();
    CHECK(wire.seen.reason == tls::errc::too_many_quiet_records);
}

TEST_CASE("TLS: options out of range are named") {
    const auto error = [](tls::ServerOptions options) {
        const auto made = tls::Server::make(std::move(options));
        REQUIRE_FALSE(made);
        CHECK(made.error() == switchboard::errc::bad_option);
        return made.error().context();
    };
    const auto with = [](auto change) {
        tls::ServerOptions options = with_certificates({server_certificate()});
        change(options);
        return options;
    };
    CHECK(error({}) == "TLS certificates: at least one is required");
    CHECK(error(with([](auto& o) { o.clients = tls::ClientCertificates::required; })) ==
          "TLS trust_pem: is required if clients present certificates");
    CHECK(error(with([](auto& o) { o.ticket_period = 599s; })) ==
          "TLS ticket_period=599s: must be from 10 min to 84 h");
    CHECK(error(with([](auto& o) { o.ticket_secret = "short"; })) ==
          "TLS ticket_secret: must have at least 32 bytes");
    CHECK(error(with([](auto& o) { o.common.protocols = {""}; })) ==
          "TLS protocols: a name must have 1 to 255 bytes");
    CHECK(error(with([](auto& o) { o.common.handshake_timeout = -1ms; })) ==
          "TLS handshake_timeout=-1ms: must not be negative");
    CHECK(error(with([](auto& o) { o.certificates[0].chain_pem = "none"; })) ==
          "TLS certificate 1: no certificate in the chain");
    CHECK(error(with([](auto& o) { o.certificates[0].key_pem = "none"; })) ==
          "TLS certificate 1: no private key");
    const auto other = authority().issue({});
    CHECK(error(with([&](auto& o) { o.certificates[0].key_pem = other.key_pem; })) ==
          "TLS certificate 1: private key: key values mismatch");
    CHECK_FALSE(tls::Certificate::load("/nowhere", "/nowhere"));
}

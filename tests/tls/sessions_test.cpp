// Resumption of TLS sessions, and the replacement of certificates.
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

const std::string kSecret(32, 's');

bool resumes(const tls::Client& client, const tls::Server& server,
             const std::string& name = "server.example") {
    Meeting meeting;
    meeting.run(client, server, {.sends = "hello", .ends_output = true}, {.echoes = true}, name);
    REQUIRE(meeting.client.security);
    CHECK(meeting.client.text == "hello");
    CHECK(meeting.client.security->resumed == meeting.server.security->resumed);
    return meeting.client.security->resumed;
}

tls::ServerOptions with_secret(std::chrono::system_clock::time_point& now,
                               const std::string& secret = kSecret) {
    tls::ServerOptions options;
    options.ticket_secret = secret;
    options.ticket_period = 1h;
    options.common.clock = [&now] { return now; };
    return options;
}

}  // namespace

TEST_CASE("TLS: sessions are resumed at another server with the same secret, and at no other") {
    auto now = std::chrono::system_clock::now();
    const auto client = make_client();
    CHECK_FALSE(resumes(client, make_server(with_secret(now))));
    CHECK(resumes(client, make_server(with_secret(now))));
    CHECK(resumes(client, make_server(with_secret(now))));
    CHECK_FALSE(resumes(client, make_server(with_secret(now, std::string(32, 'x')))));
    CHECK_FALSE(resumes(client, make_server()));
    const auto forgetful = make_client({.max_sessions = 0});
    const auto server = make_server();
    CHECK_FALSE(resumes(forgetful, server));
    CHECK_FALSE(resumes(forgetful, server));
}

TEST_CASE("TLS: a ticket is accepted in its period and in the next one, on old and new servers") {
    const std::chrono::system_clock::time_point start(std::chrono::hours(495'000));
    auto now = start;
    const auto old = make_server(with_secret(now));
    const auto later = [&](std::chrono::minutes by, bool at_new) {
        now = start;
        const auto client = make_client();
        const auto issuer = make_server(with_secret(now));
        CHECK_FALSE(resumes(client, issuer));
        now = start + by;
        return resumes(client, at_new ? make_server(with_secret(now)) : issuer);
    };
    for (const bool at_new : {false, true}) {
        CHECK(later(59min, at_new));
        CHECK(later(60min, at_new));
        CHECK(later(119min, at_new));
        CHECK_FALSE(later(120min, at_new));
    }
    now = start + 5h;
    const auto client = make_client();
    CHECK_FALSE(resumes(client, old));
    now = start;  // the clock goes back: old keys are gone, and the present ones stay
    CHECK(resumes(client, old));
}

TEST_CASE("TLS: a client keeps at most max_sessions, the newest") {
    const auto server = make_server(
        {.certificates = {authority().issue({.names = "DNS:a.example,DNS:b.example"})}});
    const auto client = make_client({.max_sessions = 1});
    CHECK_FALSE(resumes(client, server, "a.example"));
    CHECK(resumes(client, server, "a.example"));
    CHECK_FALSE(resumes(client, server, "b.example"));
    CHECK(resumes(client, server, "b.example"));
    CHECK_FALSE(resumes(client, server, "a.example"));
}

TEST_CASE("TLS: tickets work on a machine whose clock is years behind") {
    auto now = std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 30));  // 1999
    const auto client = make_client();
    CHECK_FALSE(resumes(client, make_server(with_secret(now))));
    CHECK(resumes(client, make_server(with_secret(now))));
}

TEST_CASE("TLS: a clock that throws costs the connection, and not the server") {
    auto options = tls::ServerOptions();
    bool fails = false;
    options.common.clock = [&fails] {
        if (fails) throw std::runtime_error("no clock");
        return std::chrono::system_clock::now();
    };
    const auto server = make_server(options);
    const auto client = make_client();
    CHECK_FALSE(resumes(client, server));
    fails = true;
    Meeting meeting;
    meeting.run(client, server);
    CHECK_FALSE(meeting.server.opened());
    fails = false;
    CHECK_FALSE(resumes(make_client(), server));
}

TEST_CASE("TLS: a session of one name, certificate or mode opens no other") {
    auto now = std::chrono::system_clock::now();
    const auto certificate = authority().issue({.names = "DNS:a.example,DNS:b.example"});
    auto options = with_secret(now);
    options.certificates = {certificate};
    const auto server = make_server(options);
    // A client with one name, whose session is sent for another name: by way of a server of its own.
    auto required = options;
    required.clients = tls::ClientCertificates::required;
    required.common.trust_pem = authority().pem();
    const auto alice = make_client({.certificates = {authority().issue({.subject = "alice"})}});
    CHECK_FALSE(resumes(alice, server, "a.example"));
    CHECK(resumes(alice, server, "a.example"));
    CHECK_FALSE(resumes(alice, make_server(required), "a.example"));
    Meeting again;
    again.run(alice, make_server(required), {}, {}, "a.example");
    REQUIRE(again.server.security);
    CHECK(again.server.security->resumed);
    REQUIRE(again.server.security->peer);
    CHECK(again.server.security->peer->subject == "CN=alice");
    CHECK_FALSE(resumes(alice, server, "b.example"));
    options.certificates = {authority().issue({.names = "DNS:a.example"})};
    CHECK_FALSE(resumes(alice, make_server(options), "a.example"));
}

TEST_CASE("TLS: a session ends with the certificates of the client, also one of its chain") {
    const Authority brief(authority(), {.subject = "brief", .ends = 1'200});
    for (const bool by_chain : {false, true}) {
        auto now = std::chrono::system_clock::now();
        auto options = with_secret(now);
        options.clients = tls::ClientCertificates::required;
        options.common.trust_pem = authority().pem();
        const auto certificate = by_chain ? brief.issue({.subject = "alice"})
                                          : authority().issue({.subject = "alice", .ends = 1'200});
        const auto alice = make_client({.certificates = {certificate}});
        CHECK_FALSE(resumes(alice, make_server(options)));
        now += 19min;
        CHECK(resumes(alice, make_server(options)));
        CHECK(resumes(alice, make_server(options)));
        now += 2min;
        CHECK_FALSE(resumes(alice, make_server(options)));
    }
}

TEST_CASE("TLS: a client resumes no session after the server's certificates, or one of the chain") {
    const Authority brief(authority(), {.subject = "brief", .ends = 1'200});
    const std::string names = "DNS:server.example";
    for (const auto& certificate :
         {brief.issue({.names = names}), authority().issue({.names = names, .ends = 1'200})}) {
        tls::ServerOptions options;
        options.certificates = {certificate};
        const auto server = make_server(options);
        auto now = std::chrono::system_clock::now();
        tls::ClientOptions with;
        with.common.clock = [&now] { return now; };
        const auto client = make_client(with);
        CHECK_FALSE(resumes(client, server));
        now += 19min;
        CHECK(resumes(client, server));
        CHECK(resumes(client, server));
        now += 2min;
        CHECK_FALSE(resumes(client, server));
    }
}

TEST_CASE("TLS: a certificate that ends in the far future does not end the session") {
    const auto server =
        make_server({.certificates = {authority().issue(
                         {.names = "DNS:server.example", .ends = 3'600L * 24 * 365 * 500})}});
    const auto client = make_client();
    CHECK_FALSE(resumes(client, server));
    CHECK(resumes(client, server));
}

TEST_CASE("TLS: new certificates serve new connections, and wrong ones change nothing") {
    const auto server = make_server();
    Seen seen;
    Wire before(make_client(), server.wrap(end(seen, {.echoes = true})));
    before.carry();
    REQUIRE(server.reload({authority().issue({.subject = "new", .names = "DNS:server.example"})}));
    CHECK_FALSE(server.reload({}));
    CHECK_FALSE(server.reload({{.chain_pem = "none", .key_pem = "none"}}));
    Meeting after;
    after.run(make_client(), server);
    REQUIRE(after.client.security);
    CHECK(after.client.security->peer->subject == "CN=new");
    before.client_side().connection()->write("still here");
    before.carry();
    CHECK(before.seen.text == "still here");
}

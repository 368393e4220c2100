// OpenSSL's own client in memory: TLS 1.2, resumption that a client asks for wrongly, and key updates.
#include <algorithm>
#include <stdexcept>

#include "openssl_client.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

tls::Server server_of(std::vector<tls::Certificate> certificates) {
    tls::ServerOptions options;
    options.certificates = std::move(certificates);
    return make_server(std::move(options));
}

}  // namespace

TEST_CASE(
    "TLS: OpenSSL's client in memory: an echo, close_notify and resumption, in both versions") {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto server = make_server();
        auto options = openssl_options(version);
        OpensslMeeting first(server, options);
        CHECK(first.echo("hello") == "hello");
        REQUIRE(first.server.security);
        CHECK(first.server.security->version ==
              (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
        // OpenSSL's client would prefer AES-256.
        CHECK(first.server.security->cipher == (version == TLS1_2_VERSION
                                                    ? "ECDHE-ECDSA-AES128-GCM-SHA256"
                                                    : "TLS_AES_128_GCM_SHA256"));
        CHECK_FALSE(first.client.resumed());
        const auto session = first.client.session();
        first.client.close_notify();
        first.carry();
        CHECK(first.server.calls == "open eof close ");
        CHECK_FALSE(first.server.reason);
        CHECK(first.client.peer_closed());
        options.resumes = session.get();
        OpensslMeeting again(server, options);
        CHECK(again.echo("hello") == "hello");
        CHECK(again.client.resumed());
        CHECK(again.server.security->resumed);
    }
}

// CVE-2025-23419
TEST_CASE("TLS: a session of one name is not resumed for another name of the same certificate") {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto server =
            server_of({authority().issue({.names = "DNS:a.example,DNS:b.example"})});
        OpensslMeeting first(server, openssl_options(version, "a.example"));
        CHECK(first.echo("hello") == "hello");
        const auto session = first.client.session();
        for (const std::string name : {"a.example", "b.example"}) {
            auto options = openssl_options(version, name);
            options.resumes = session.get();
            OpensslMeeting again(server, options);
            CHECK(again.echo("hello") == "hello");
            CHECK(again.client.resumed() == (name == "a.example"));
            CHECK(again.server.security->server_name == name);
        }
    }
}

TEST_CASE("TLS: certificates with keys of different types do not mix") {
    const auto elliptic = authority().issue({.subject = "ec", .names = "DNS:a.example"});
    const auto rsa = authority().issue({.subject = "rsa", .names = "DNS:b.example", .rsa = true});
    for (const auto& certificates : {std::vector{elliptic, rsa}, std::vector{rsa, elliptic}}) {
        const auto server = server_of(certificates);
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            for (const std::string name : {"a.example", "b.example"}) {
                OpensslMeeting meeting(server, openssl_options(version, name));
                CHECK(meeting.client.error() == "");
                CHECK(meeting.echo("hello") == "hello");
            }
        }
    }
}

TEST_CASE("TLS: key updates between data have a limit, which grows with time") {
    OpensslMeeting meeting(make_server(), openssl_options());
    const auto update = [&] {
        meeting.client.update_key();
        return meeting.echo("x") == "x";
    };
    for (int i = 0; i < 32; ++i) CHECK(update());
    meeting.driver().advance(1s);
    for (int i = 0; i < 10; ++i) CHECK(update());
    CHECK_FALSE(update());
    CHECK(meeting.server.reason == tls::errc::too_many_quiet_records);
}

TEST_CASE("TLS: key updates without data have a limit, however slowly they come") {
    OpensslMeeting meeting(make_server(), openssl_options());
    for (int i = 0; i < 33; ++i) {
        CHECK_FALSE(meeting.server.closed);
        meeting.driver().advance(1s);
        meeting.client.update_key();
        meeting.carry();
    }
    CHECK(meeting.server.reason == tls::errc::too_many_quiet_records);
}

TEST_CASE(
    "TLS: the secrets of both ends are logged for Wireshark, and a log that fails is ignored") {
    std::vector<std::string> server_lines, client_lines;
    tls::ServerOptions at;
    at.common.key_log = [&](std::string_view line) { server_lines.emplace_back(line); };
    tls::ClientOptions with;
    with.common.key_log = [&](std::string_view line) {
        client_lines.emplace_back(line);
        throw std::runtime_error("disk full");
    };
    Meeting meeting;
    meeting.run(make_client(with), make_server(at), {.sends = "hello", .ends_output = true});
    CHECK(meeting.client.text == "hello");
    std::sort(server_lines.begin(), server_lines.end());
    std::sort(client_lines.begin(), client_lines.end());
    CHECK(server_lines == client_lines);
    REQUIRE(server_lines.size() == 5);
    CHECK(server_lines[0].starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
}

// Files and options that are wrong, the names in certificates, and the texts of errors.
#include <openssl/err.h>

#include <fstream>

#include "loopback.hpp"
#include "text.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

std::string encrypted_key() {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> to(BIO_new(BIO_s_mem()), BIO_free_all);
    unsigned char password[] = "secret";
    PEM_write_bio_PrivateKey(to.get(), key.get(), EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(to.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

// The same certificate with a few bytes changed within its base64.
std::string broken(std::string pem) {
    return pem.replace(pem.find('\n') + 5, 4, "!!!!");
}

std::string client_error(const tls::ClientOptions& options) {
    const auto made = tls::Client::make(options);
    REQUIRE_FALSE(made);
    CHECK(made.error() == switchboard::errc::bad_option);
    return made.error().context();
}

std::string common_error(const std::function<void(tls::Options&)>& change) {
    tls::ServerOptions server;
    server.certificates = {server_certificate()};
    change(server.common);
    const auto made = tls::Server::make(server);
    REQUIRE_FALSE(made);
    tls::ClientOptions client;
    change(client.common);
    CHECK(client_error(client) == made.error().context());
    return made.error().context();
}

}  // namespace

TEST_CASE("TLS: certificates, keys and authorities are read from files") {
    const TempDir dir;
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(dir / name) << text;
        return dir / name;
    };
    const auto& made = server_certificate();
    const std::string chain = write("chain", made.chain_pem), key = write("key", made.key_pem);
    const auto apart = tls::Certificate::load(chain, key);
    REQUIRE(apart);
    CHECK(apart->chain_pem == made.chain_pem);
    CHECK(apart->key_pem == made.key_pem);
    CHECK(apart->name == chain + "," + key);
    const std::string both = write("both", made.key_pem + made.chain_pem);
    const auto joined = tls::Certificate::load(both, both);
    REQUIRE(joined);
    CHECK(joined->name == both);
    tls::ServerOptions options;
    options.certificates = {*joined};
    CHECK(tls::Server::make(options));
    CHECK(tls::Certificate::load(dir / "none", key).error() ==
          std::errc::no_such_file_or_directory);
    CHECK(has(tls::Certificate::load(chain, dir / "none").error().context(), dir / "none"));
    CHECK_FALSE(tls::Certificate::load(dir.path(), key));  // a directory
    const std::string large = write("large", std::string(1024 * 1024 + 1, 'x'));
    CHECK(tls::Certificate::load(chain, large).error() == switchboard::errc::bad_option);
    const std::string two = authority().pem() + Authority("other").pem();
    CHECK(tls::load_trust(write("ca", two)).value() == two);
    CHECK(has(tls::load_trust(key).error().context(), key + ": no certificate"));
    CHECK(tls::load_trust(dir / "none").error() == std::errc::no_such_file_or_directory);
    const std::string half = write("half", authority().pem() + broken(authority().pem()));
    CHECK(has(tls::load_trust(half).error().context(), half));
}

TEST_CASE("TLS: options of both ends that are out of range are named") {
    CHECK(common_error([](auto& o) { o.clock = nullptr; }) == "TLS clock: is empty");
    CHECK(common_error([](auto& o) { o.max_handshake = 0; }) ==
          "TLS max_handshake=0: must be at least 1");
    CHECK(common_error([](auto& o) { o.protocols = {std::string(256, 'a')}; }) ==
          "TLS protocols: a name must have 1 to 255 bytes");
    CHECK(common_error([](auto& o) {
              o.protocols = std::vector<std::string>(300, std::string(255, 'a'));
          }) == "TLS protocols: all names together have more than 65,535 bytes");
    CHECK(has(common_error([](auto& o) { o.limits.idle_timeout = -1ms; }), "idle_timeout"));
}

TEST_CASE("TLS: a client's wrong certificates and authorities are named") {
    CHECK(client_error({.certificates = {server_certificate(), server_certificate()}}) ==
          "TLS certificates: a client has at most one");
    CHECK(client_error({.certificates = {{.chain_pem = "", .key_pem = "", .name = "mine"}}}) ==
          "TLS mine: no certificate in the chain");
    tls::Options trusting;
    trusting.trust_pem = "none";
    CHECK(client_error({.common = trusting}) == "TLS trust_pem: no certificate");
    trusting.trust_pem = broken(authority().pem());
    CHECK(has(client_error({.common = trusting}), "TLS trust_pem: "));
    auto certificate = server_certificate();
    certificate.key_pem = encrypted_key();  // no password is asked for at the terminal
    CHECK(has(client_error({.certificates = {certificate}}), "TLS certificate 1: "));
    certificate = server_certificate();
    certificate.chain_pem += broken(certificate.chain_pem);
    CHECK(has(client_error({.certificates = {certificate}}), "TLS certificate 1: "));
    CHECK(tls::Client::make({.verify = false}));  // the authorities of the system
}

TEST_CASE("TLS: a server's authorities are read, and the period of tickets has a range") {
    const auto error = [](const std::function<void(tls::ServerOptions&)>& change) {
        tls::ServerOptions options;
        options.certificates = {server_certificate()};
        change(options);
        const auto made = tls::Server::make(options);
        REQUIRE_FALSE(made);
        return made.error().context();
    };
    CHECK(error([](auto& o) {
              o.clients = tls::ClientCertificates::optional;
              o.common.trust_pem = "none";
          }) == "TLS trust_pem: no certificate");
    CHECK(has(error([](auto& o) { o.ticket_period = 85h; }), "must be from 10 min to 84 h"));
}

TEST_CASE("TLS: the names in a certificate are told with their kind") {
    tls::ServerOptions options;
    options.common.trust_pem = authority().pem();
    options.clients = tls::ClientCertificates::required;
    const auto alice = authority().issue(
        {.subject = "alice",
         .names = "DNS:a.example,URI:spiffe://a,email:a@b.example,IP:192.0.2.1,IP:2001:db8::1,"
                  "RID:1.2.3"});
    Meeting meeting;
    meeting.run(make_client({.certificates = {alice}}), make_server(options));
    REQUIRE(meeting.server.security);
    REQUIRE(meeting.server.security->peer);
    CHECK(meeting.server.security->peer->names ==
          std::vector<std::string>{"DNS:a.example", "URI:spiffe://a", "email:a@b.example",
                                   "IP:192.0.2.1", "IP:2001:db8::1"});
    CHECK(meeting.server.security->peer->der.size() > 100);
}

TEST_CASE("TLS: a server is verified by its IPv6 address") {
    tls::ServerOptions options;
    options.certificates = {authority().issue({.names = "IP:2001:db8::1"})};
    Meeting meeting;
    meeting.run(make_client(), make_server(options), {.sends = "hello"}, {.echoes = true},
                "2001:db8::1");
    CHECK(meeting.client.text == "hello");
    CHECK(meeting.server.security->server_name == "");
}

TEST_CASE("TLS: each error has a text") {
    const auto text = [](tls::errc code) { return make_error_code(code).message(); };
    CHECK(text(tls::errc::handshake_timed_out) == "the TLS handshake took too long");
    CHECK(text(tls::errc::handshake_too_large) == "the TLS handshake is too large");
    CHECK(text(tls::errc::not_tls) == "the peer does not speak TLS");
    CHECK(text(tls::errc::truncated) == "the peer closed without close_notify");
    CHECK(text(tls::errc::no_common_protocol) ==
          "the peer offers no protocol that is known (ALPN)");
    CHECK(text(tls::errc::unknown_name) == "no certificate has the name that the peer asks for");
    CHECK(text(tls::errc::too_many_quiet_records) == "too many TLS records without data");
    CHECK(text(tls::errc::bad_name) == "the name of the server cannot be verified");
    CHECK(tls::category().message(99) == "unknown error");
    CHECK(tls::category().name() == std::string("tls"));
    CHECK(tls::openssl_category().name() == std::string("openssl"));
    CHECK(tls::openssl_category()
              .message(ERR_PACK(ERR_LIB_USER, 0, 4'000))
              .starts_with("TLS error "));
    CHECK(tls::verify_category().name() == std::string("certificate"));
    CHECK(make_error_code(tls::errc::handshake_timed_out) == std::errc::timed_out);
    CHECK(make_error_code(tls::errc::truncated) != std::errc::timed_out);
}

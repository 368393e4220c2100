// Our client at OpenSSL's own server in memory: TLS 1.2.
#include <openssl/pem.h>

#include "openssl_client.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// A context that serves TLS 1.2 with that certificate and tickets.
class OldServer {
public:
    explicit OldServer(const tls::Certificate& certificate)
        : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
        SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
        const auto chain = bio_of(certificate.chain_pem), key = bio_of(certificate.key_pem);
        X509* const leaf = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr);
        EVP_PKEY* const own = PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr);
        REQUIRE(SSL_CTX_use_certificate(context_.get(), leaf) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey(context_.get(), own) == 1);
        X509_free(leaf);
        EVP_PKEY_free(own);
    }

    // Serves one connection, which says "hello" and ends. Returns whether the session was resumed.
    bool resumes(const tls::Client& client) const {
        Seen seen;
        testing::MemoryDriver driver;
        auto& far = driver.connect(
            client.wrap("server.example", end(seen, {.sends = "hello", .ends_output = true})()));
        const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
        BIO* const in = BIO_new(BIO_s_mem());
        BIO* const out = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl.get(), in, out);
        SSL_set_accept_state(ssl.get());
        std::string got;
        for (int round = 0; round < 10; ++round) {
            driver.run();
            const std::string up = far.take_received();
            BIO_write(in, up.data(), static_cast<int>(up.size()));
            char text[100];
            for (int n = 0; (n = SSL_read(ssl.get(), text, sizeof text)) > 0;)
                got.append(text, static_cast<std::size_t>(n));
            std::string down(BIO_ctrl_pending(out), '\0');
            BIO_read(out, down.data(), static_cast<int>(down.size()));
            if (!down.empty()) far.send(down);
        }
        CHECK(got == "hello");
        REQUIRE(seen.security);
        CHECK(seen.security->version == "TLSv1.2");
        SSL_shutdown(ssl.get());
        return seen.security->resumed;
    }

private:
    static std::unique_ptr<BIO, decltype(&BIO_free_all)> bio_of(const std::string& text) {
        return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free_all};
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace

TEST_CASE(
    "TLS 1.2: a client resumes a session again and again, until the certificate has expired") {
    const OldServer server(authority().issue({.names = "DNS:server.example", .ends = 1'200}));
    auto now = std::chrono::system_clock::now();
    tls::ClientOptions options;
    options.common.clock = [&now] { return now; };
    const auto client = make_client(options);
    CHECK_FALSE(server.resumes(client));
    for (int i = 0; i < 3; ++i) CHECK(server.resumes(client));
    now += 21min;
    CHECK_FALSE(server.resumes(client));
}

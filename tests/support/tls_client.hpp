// OpenSSL's own client, whose bytes the test carries itself.
#pragma once

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace switchboard::test {

using SessionPointer = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;

struct TlsClientOptions {
    std::string trust_pem;
    std::string name = "server.example";  // asked for and verified
    int version = TLS1_3_VERSION;
    SSL_SESSION* resumes = nullptr;
};

class TlsClient {
public:
    explicit TlsClient(const TlsClientOptions& options)
        : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
        SSL_CTX_set_min_proto_version(context_.get(), options.version);
        SSL_CTX_set_max_proto_version(context_.get(), options.version);
        SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        trust(options.trust_pem);
        SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION*) {
            ++static_cast<TlsClient*>(SSL_get_app_data(ssl))->tickets_;
            return 0;
        });
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_app_data(ssl_.get(), this);
        SSL_set1_host(ssl_.get(), options.name.c_str());
        SSL_set_tlsext_host_name(ssl_.get(), options.name.c_str());
        if (options.resumes != nullptr) SSL_set_session(ssl_.get(), options.resumes);
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_.get(), in_, out_);
        SSL_set_connect_state(ssl_.get());
        step();
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;
    // Without the flags OpenSSL takes the session for broken.
    ~TlsClient() { SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

    // Bytes from the server.
    void feed(std::string_view bytes) {
        BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
        step();
    }
    // Bytes for the server.
    std::string take_output() {
        std::string bytes(BIO_ctrl_pending(out_), '\0');
        if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }

    bool shaken() const { return SSL_is_init_finished(ssl_.get()) == 1; }
    bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    int tickets() const { return tickets_; }           // how many have come
    bool peer_closed() const { return peer_closed_; }  // by close_notify
    std::string& text() { return text_; }              // what has come and was not taken
    const std::string& error() const { return error_; }
    SessionPointer session() const { return {SSL_get1_session(ssl_.get()), SSL_SESSION_free}; }

    void write(std::string_view text) {
        if (!text.empty()) SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    }
    void update_key() {  // a record without data goes before the next one with data
        SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(ssl_.get());
    }
    void close_notify() { SSL_shutdown(ssl_.get()); }

private:
    void trust(const std::string& pem) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> from(
            BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
        X509* const read = PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), read);
        X509_free(read);
    }
    void step() {
        ERR_clear_error();
        std::array<char, 16 * 1024> part{};
        int got = 0;
        while ((got = SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()))) > 0)
            text_.append(part.data(), static_cast<std::size_t>(got));
        switch (SSL_get_error(ssl_.get(), got)) {
            case SSL_ERROR_WANT_READ: break;
            case SSL_ERROR_ZERO_RETURN: peer_closed_ = true; break;
            default: error_ = ERR_reason_error_string(ERR_peek_error());
        }
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
    BIO* in_ = nullptr;  // the SSL owns both
    BIO* out_ = nullptr;
    std::string text_, error_;
    int tickets_ = 0;
    bool peer_closed_ = false;
};

}  // namespace switchboard::test

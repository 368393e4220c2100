#include "context.hpp"

#include <openssl/err.h>

#include "failure.hpp"
#include "tls_layer.hpp"

namespace switchboard::tls::detail {
namespace {

constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

}  // namespace

tl::unexpected<Error> bad_option(const std::string& what) {
    return switchboard::fail(switchboard::errc::bad_option, "TLS " + what);
}

Result<void> check(const Options& options) {
    for (const std::string& protocol : options.protocols)
        if (protocol.empty() || protocol.size() > 255)
            return bad_option("protocols: a name must have 1 to 255 bytes");
    if (alpn_list(options.protocols).size() > 0xffff)
        return bad_option("protocols: all names together have more than 65,535 bytes");
    if (options.handshake_timeout.count() < 0)
        return bad_option("handshake_timeout=" + std::to_string(options.handshake_timeout.count()) +
                          "ms: must not be negative");
    if (options.max_handshake == 0) return bad_option("max_handshake=0: must be at least 1");
    if (!options.clock) return bad_option("clock: is empty");
    return options.limits.check();
}

Result<ContextPointer> make_context(const SSL_METHOD* method, const Options& options) {
    ERR_clear_error();
    ContextPointer context(SSL_CTX_new(method));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), kCiphers13) != 1 ||
        SSL_CTX_set_cipher_list(context.get(), kCiphers12) != 1)
        return switchboard::fail(take_failure(nullptr), "TLS");
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (options.key_log) SSL_CTX_set_keylog_callback(context.get(), TlsLayer::log_key);
    return context;
}

Result<void> use_credentials(SSL_CTX* context, const Credentials& credentials) {
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(context, credentials.leaf.get(), credentials.key.get(),
                                 credentials.chain.get(), 1) == 1)
        return {};
    return bad_option("certificates: " + take_failure_text());
}

std::string alpn_list(const std::vector<std::string>& protocols) {
    std::string list;
    for (const std::string& protocol : protocols) {
        list += static_cast<char>(protocol.size());
        list += protocol;
    }
    return list;
}

}  // namespace switchboard::tls::detail

#include "server_context.hpp"

#include <openssl/err.h>

#include "failure.hpp"
#include "session_end.hpp"
#include "tls_layer.hpp"

namespace switchboard::tls::detail {
namespace {

// Returns the host name of a server_name extension (RFC 6066, section 3) in lower case. Returns "" if it has
// none, or is malformed: OpenSSL then refuses it later.
std::string host_name(const unsigned char* extension, std::size_t size) {
    constexpr std::size_t kFront = 5;  // the sizes of list and name, and the type of the name
    if (size < kFront || extension[2] != TLSEXT_NAMETYPE_host_name) return "";
    const std::size_t name = std::size_t{extension[3]} << 8U | extension[4];
    if (name > size - kFront) return "";
    return lower({reinterpret_cast<const char*>(extension) + kFront, name});
}

std::string asked_name(SSL* ssl) {
    const unsigned char* extension = nullptr;
    std::size_t size = 0;
    const int found = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size);
    return found == 1 ? host_name(extension, size) : "";
}

std::string_view text_of_digest(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

int verify_mode(ClientCertificates clients) {
    switch (clients) {
        case ClientCertificates::none: return SSL_VERIFY_NONE;
        case ClientCertificates::optional: return SSL_VERIFY_PEER;
        case ClientCertificates::required: break;
    }
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

}  // namespace

Result<std::shared_ptr<const ServerContext>> ServerContext::make(
    const ServerOptions& options, const std::vector<Certificate>& certificates,
    std::shared_ptr<Tickets> tickets) {
    if (certificates.empty()) return bad_option("certificates: at least one is required");
    const auto made = std::make_shared<ServerContext>();
    for (const Certificate& certificate : certificates)
        if (auto added = made->add(certificate); !added)
            return tl::unexpected(std::move(added.error()));
    made->tickets_ = std::move(tickets);
    if (auto set = made->set_up(options); !set) return tl::unexpected(std::move(set.error()));
    return made;
}

Result<void> ServerContext::add(const Certificate& certificate) {
    const std::size_t index = credentials_.size();
    auto read = read_credentials(certificate, index + 1);
    if (!read) return tl::unexpected(std::move(read.error()));
    for (const std::string& name : read->dns_names) by_name_.try_emplace(name, index);
    credentials_.push_back(std::move(*read));
    return {};
}

Result<void> ServerContext::set_up(const ServerOptions& options) {
    auto context = make_context(TLS_server_method(), options.common);
    if (!context) return tl::unexpected(std::move(context.error()));
    context_ = std::move(*context);
    SSL_CTX* const to = context_.get();
    SSL_CTX_set_options(to, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    strict_names_ = options.strict_names;
    alpn_ = alpn_list(options.common.protocols);
    if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(to, on_alpn, this);
    SSL_CTX_set_client_hello_cb(to, on_client_hello, this);
    // Confirms the name, so that OpenSSL keeps it with the session.
    SSL_CTX_set_tlsext_servername_callback(
        to, +[](SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; });
    SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_app_data(to, this) != 1) return switchboard::fail(take_failure(nullptr), "TLS");
    SSL_CTX_set_tlsext_ticket_key_evp_cb(to, on_ticket);
    SSL_CTX_set_session_ticket_cb(to, on_new_ticket, on_session, nullptr);
    SSL_CTX_set_timeout(to, static_cast<long>(2 * options.ticket_period.count()));
    return use_credentials(to, credentials_.front()).and_then([&] { return set_clients(options); });
}

Result<void> ServerContext::set_clients(const ServerOptions& options) {
    SSL_CTX_set_verify(context_.get(), verify_mode(options.clients), nullptr);
    domain_ = digest(std::to_string(static_cast<int>(options.clients)) + options.common.trust_pem);
    if (options.clients == ClientCertificates::none) return {};
    return trust(context_.get(), options.common.trust_pem);
}

const Credentials* ServerContext::find(const std::string& name) const {
    auto found = by_name_.find(name);
    if (found == by_name_.end())
        if (const auto dot = name.find('.'); dot != name.npos && dot > 0)
            found = by_name_.find("*" + name.substr(dot));
    return found != by_name_.end() ? &credentials_[found->second] : nullptr;
}

// A session may only be resumed for the same name and certificate. Otherwise a ticket for one name would open
// another one, which may require other certificates of clients.
bool ServerContext::choose(SSL* ssl, const std::string& name) const {
    const Credentials* const found = name.empty() ? nullptr : find(name);
    const Credentials& chosen = found != nullptr ? *found : credentials_.front();
    const Digest domain = digest(std::string(text_of_digest(domain_)) +
                                 std::string(text_of_digest(chosen.fingerprint)) + name);
    if (SSL_set_session_id_context(ssl, domain.data(), domain.size()) != 1) return false;
    if (&chosen == &credentials_.front()) return true;
    SSL_certs_clear(ssl);
    return SSL_use_cert_and_key(ssl, chosen.leaf.get(), chosen.key.get(), chosen.chain.get(), 1) ==
           1;
}

// The certificate is chosen here and not in the callback for server names, which comes too late: after
// OpenSSL has looked at the client's ticket.
int ServerContext::on_client_hello(SSL* ssl, int* alert, void* self) {
    const auto& context = *static_cast<const ServerContext*>(self);
    *alert = SSL_AD_INTERNAL_ERROR;
    try {
        const std::string name = asked_name(ssl);
        if (context.strict_names_ && !name.empty() && context.find(name) == nullptr) {
            TlsLayer::of(ssl).refuse(errc::unknown_name);
            *alert = SSL_AD_UNRECOGNIZED_NAME;
            return SSL_CLIENT_HELLO_ERROR;
        }
        return context.choose(ssl, name) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    } catch (...) {  // no memory; OpenSSL is C
        return SSL_CLIENT_HELLO_ERROR;
    }
}

int ServerContext::on_alpn(SSL*, const unsigned char** chosen, unsigned char* size,
                           const unsigned char* offered, unsigned offered_size, void* self) {
    const std::string& ours = static_cast<const ServerContext*>(self)->alpn_;
    unsigned char* found = nullptr;
    const int result =
        SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size);
    if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

const ServerContext& ServerContext::of(const SSL* ssl) noexcept {
    return *static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

int ServerContext::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                             EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
    try {
        return of(ssl).tickets_->use(name, iv, cipher, mac, seal == 1,
                                     SSL_version(ssl) >= TLS1_3_VERSION);
    } catch (...) {  // of the clock, or no memory
        return -1;
    }
}

int ServerContext::on_new_ticket(SSL* ssl, void*) {
    return keep_end(ssl, SSL_get_session(ssl)) ? 1 : 0;
}

// OpenSSL does not judge the certificates of a session again. If one has expired meanwhile, a whole handshake
// is needed, which refuses it.
SSL_TICKET_RETURN ServerContext::on_session(SSL* ssl, SSL_SESSION* session, const unsigned char*,
                                            std::size_t, SSL_TICKET_STATUS status, void*) {
    const bool renews = status == SSL_TICKET_SUCCESS_RENEW;
    if (status != SSL_TICKET_SUCCESS && !renews) return SSL_TICKET_RETURN_IGNORE_RENEW;
    try {
        if (has_ended(session, of(ssl).tickets_->now())) return SSL_TICKET_RETURN_IGNORE_RENEW;
    } catch (...) {  // of the clock
        return SSL_TICKET_RETURN_ABORT;
    }
    return renews ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

}  // namespace switchboard::tls::detail

#include <arpa/inet.h>
#include <openssl/err.h>

#include <array>
#include <cassert>

#include "client_sessions.hpp"
#include "context.hpp"
#include "failure.hpp"
#include "session_end.hpp"
#include "tls_layer.hpp"

namespace switchboard::tls {

struct Client::State {
    explicit State(ClientOptions from) : options(std::move(from)), sessions(options.max_sessions) {}

    ClientOptions options;
    detail::ClientSessions sessions;
    detail::ContextPointer context;
};

namespace {

constexpr std::size_t kMostName = 253;  // RFC 1035, section 2.3.4, as text

bool is_address(const std::string& name) {
    std::array<unsigned char, 16> address{};
    return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

bool is_name(std::string_view name) {
    // OpenSSL takes a leading dot for any subdomain.
    return !name.empty() && name.size() <= kMostName && name.front() != '.' &&
           name.find('\0') == name.npos;
}

template <class State>
class ClientLayer final : public detail::TlsLayer {
public:
    ClientLayer(std::shared_ptr<State> state, std::string name, std::unique_ptr<Protocol> above)
        : TlsLayer(std::move(above), state->options.common),
          state_(std::move(state)),
          name_(std::move(name)) {}

    void keep_session(SSL* ssl, SSL_SESSION* session) {
        detail::SessionPointer kept(session);
        if (detail::keep_end(ssl, session)) state_->sessions.put(name_, std::move(kept));
    }

private:
    bool is_server() const noexcept override { return false; }
    detail::SslPointer make_ssl() override;
    bool set_name(SSL* ssl) const;

    const std::shared_ptr<State> state_;
    const std::string name_;
};

template <class State>
detail::SslPointer ClientLayer<State>::make_ssl() {
    if (!is_name(name_)) {
        refuse(errc::bad_name);
        return nullptr;
    }
    detail::SslPointer ssl(SSL_new(state_->context.get()));
    if (!ssl) return nullptr;
    if (!set_name(ssl.get())) {
        refuse(errc::bad_name);
        return nullptr;
    }
    if (const auto session = state_->sessions.take(name_, state_->options.common.clock()))
        SSL_set_session(ssl.get(), session.get());
    return ssl;
}

// Only names are sent: RFC 6066 allows no addresses.
template <class State>
bool ClientLayer<State>::set_name(SSL* ssl) const {
    if (is_address(name_))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name_.c_str()) == 1;
    // The subject is no name of a host (RFC 9525, section 2).
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, name_.c_str()) == 1 &&
           SSL_set_tlsext_host_name(ssl, name_.c_str()) == 1;
}

template <class State>
int keep_session(SSL* ssl, SSL_SESSION* session) {
    try {
        static_cast<ClientLayer<State>&>(detail::TlsLayer::of(ssl)).keep_session(ssl, session);
    } catch (...) {  // no memory; OpenSSL is C
    }
    return 1;  // the session is not OpenSSL's any more
}

Result<void> set_trust(SSL_CTX* context, const ClientOptions& options) {
    SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!options.common.trust_pem.empty()) return detail::trust(context, options.common.trust_pem);
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return detail::bad_option("trust_pem: " + detail::take_failure_text());
}

Result<void> set_alpn(SSL_CTX* context, const ClientOptions& options) {
    const std::string list = detail::alpn_list(options.common.protocols);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(list.data());
    if (SSL_CTX_set_alpn_protos(context, bytes, static_cast<unsigned>(list.size())) == 0) return {};
    return detail::bad_option("protocols");
}

Result<void> set_certificate(SSL_CTX* context, const ClientOptions& options) {
    if (options.certificates.empty()) return {};
    if (options.certificates.size() > 1)
        return detail::bad_option("certificates: a client has at most one");
    return detail::read_credentials(options.certificates.front(), 1)
        .and_then([&](const detail::Credentials& read) {
            return detail::use_credentials(context, read);
        });
}

}  // namespace

Result<Client> Client::make(ClientOptions options) try {
    if (auto fits = detail::check(options.common); !fits)
        return tl::unexpected(std::move(fits.error()));
    auto context = detail::make_context(TLS_client_method(), options.common);
    if (!context) return tl::unexpected(std::move(context.error()));
    SSL_CTX* const to = context->get();
    auto set = set_trust(to, options).and_then([&] { return set_alpn(to, options); }).and_then([&] {
        return set_certificate(to, options);
    });
    if (!set) return tl::unexpected(std::move(set.error()));
    SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(to, keep_session<State>);
    auto state = std::make_shared<State>(std::move(options));
    state->context = std::move(*context);
    return Client(std::move(state));
} catch (const std::bad_alloc&) {
    return detail::no_memory();
}

std::unique_ptr<Protocol> Client::wrap(std::string_view name,
                                       std::unique_ptr<Protocol> above) const {
    assert(above);
    return std::make_unique<ClientLayer<State>>(state_, std::string(name), std::move(above));
}

}  // namespace switchboard::tls

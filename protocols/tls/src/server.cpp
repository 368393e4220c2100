#include <openssl/err.h>
#include <openssl/rand.h>

#include <cassert>
#include <mutex>

#include "failure.hpp"
#include "handshake_line.hpp"
#include "server_context.hpp"
#include "tls_layer.hpp"

namespace switchboard::tls {

struct Server::State {
    explicit State(unsigned handshakes_per_turn) : line(handshakes_per_turn) {}

    detail::HandshakeLine line;
    ServerOptions options;
    std::shared_ptr<detail::Tickets> tickets;
    std::mutex mutex;
    std::shared_ptr<const detail::ServerContext> context;

    std::shared_ptr<const detail::ServerContext> present() {
        const std::lock_guard lock(mutex);
        return context;
    }
};

namespace {

constexpr std::chrono::minutes kLeastPeriod(10);
constexpr std::chrono::hours kMostPeriod(84);  // tickets last two, at most 7 days (RFC 8446, 4.6.1)
constexpr std::size_t kSecretSize = 32;

Result<void> check_server(const ServerOptions& options) {
    if (options.clients != ClientCertificates::none && options.common.trust_pem.empty())
        return detail::bad_option("trust_pem: is required if clients present certificates");
    if (options.ticket_period < kLeastPeriod || options.ticket_period > kMostPeriod)
        return detail::bad_option("ticket_period=" + std::to_string(options.ticket_period.count()) +
                                  "s: must be from 10 min to 84 h");
    if (!options.ticket_secret.empty() && options.ticket_secret.size() < kSecretSize)
        return detail::bad_option("ticket_secret: must have at least 32 bytes");
    return detail::check(options.common);
}

Result<std::string> random_secret() {
    std::string secret(kSecretSize, '\0');
    ERR_clear_error();
    auto* const bytes = reinterpret_cast<unsigned char*>(secret.data());
    if (RAND_bytes(bytes, static_cast<int>(secret.size())) == 1) return secret;
    return switchboard::fail(detail::take_failure(nullptr), "TLS ticket_secret");
}

// The factories of the protocols above.
class Above {
public:
    explicit Above(ProtocolFactory any) : any_(std::move(any)) {}
    explicit Above(std::map<std::string, ProtocolFactory> named) : named_(std::move(named)) {}

    const ProtocolFactory* find(const std::string& protocol) const {
        if (any_) return &any_;
        const auto found = named_.find(protocol);
        return found != named_.end() ? &found->second : nullptr;
    }

private:
    ProtocolFactory any_;
    std::map<std::string, ProtocolFactory> named_;
};

// The handshake uses the certificates that are present when the first record comes.
template <class State>
class ServerLayer final : public detail::TlsLayer {
public:
    ServerLayer(std::shared_ptr<State> state, std::shared_ptr<const Above> above)
        : TlsLayer(nullptr, state->options.common),
          state_(std::move(state)),
          above_(std::move(above)) {}

private:
    bool is_server() const noexcept override { return true; }
    detail::SslPointer make_ssl() override {
        context_ = state_->present();
        return detail::SslPointer(SSL_new(context_->get()));
    }
    Clock::time_point place_in_line(Clock::time_point now) override {
        return state_->line.enter(now);
    }
    void shaken() override {
        const ProtocolFactory* const factory = above_->find(this->agreed_protocol());
        if (factory == nullptr) return fail(errc::no_common_protocol);
        auto protocol = (*factory)();
        if (!protocol) return abort(std::make_error_code(std::errc::connection_aborted));
        open_above(std::move(protocol));
    }

    const std::shared_ptr<State> state_;
    const std::shared_ptr<const Above> above_;
    std::shared_ptr<const detail::ServerContext> context_;
};

}  // namespace

Result<Server> Server::make(ServerOptions options) try {
    if (auto fits = check_server(options); !fits) return tl::unexpected(std::move(fits.error()));
    auto secret = options.ticket_secret.empty() ? random_secret() : options.ticket_secret;
    if (!secret) return tl::unexpected(std::move(secret.error()));
    auto state = std::make_shared<State>(options.handshakes_per_turn);
    state->tickets =
        std::make_shared<detail::Tickets>(*secret, options.ticket_period, options.common.clock);
    auto context = detail::ServerContext::make(options, options.certificates, state->tickets);
    if (!context) return tl::unexpected(std::move(context.error()));
    state->context = std::move(*context);
    state->options = std::move(options);
    state->options.certificates.clear();
    state->options.ticket_secret.clear();
    return Server(std::move(state));
} catch (const std::bad_alloc&) {
    return detail::no_memory();
}

Result<void> Server::reload(const std::vector<Certificate>& certificates) const try {
    auto context = detail::ServerContext::make(state_->options, certificates, state_->tickets);
    if (!context) return tl::unexpected(std::move(context.error()));
    const std::lock_guard lock(state_->mutex);
    state_->context = std::move(*context);
    return {};
} catch (const std::bad_alloc&) {
    return detail::no_memory();
}

ProtocolFactory Server::wrap(ProtocolFactory above) const {
    assert(above);
    return [state = state_, above = std::make_shared<const Above>(std::move(above))] {
        return std::make_unique<ServerLayer<State>>(state, above);
    };
}

ProtocolFactory Server::wrap(std::map<std::string, ProtocolFactory> by_protocol) const {
    return [state = state_, above = std::make_shared<const Above>(std::move(by_protocol))] {
        return std::make_unique<ServerLayer<State>>(state, above);
    };
}

}  // namespace switchboard::tls

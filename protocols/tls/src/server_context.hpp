// The certificates of a server, and the SSL_CTX that uses them.
#pragma once

#include <map>
#include <memory>

#include "context.hpp"
#include "tickets.hpp"

namespace switchboard::tls::detail {

// Never changes. Threading: any thread.
class ServerContext {
public:
    static Result<std::shared_ptr<const ServerContext>> make(
        const ServerOptions& options, const std::vector<Certificate>& certificates,
        std::shared_ptr<Tickets> tickets);

    SSL_CTX* get() const noexcept { return context_.get(); }

private:
    Result<void> add(const Certificate& certificate);
    Result<void> set_up(const ServerOptions& options);
    Result<void> set_clients(const ServerOptions& options);
    const Credentials* find(const std::string& name) const;
    bool choose(SSL* ssl, const std::string& name) const;

    static int on_client_hello(SSL* ssl, int* alert, void* self);
    static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                       const unsigned char* offered, unsigned offered_size, void* self);
    static const ServerContext& of(const SSL* ssl) noexcept;
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int seal);
    static int on_new_ticket(SSL* ssl, void* unused);
    static SSL_TICKET_RETURN on_session(SSL* ssl, SSL_SESSION* session, const unsigned char* name,
                                        std::size_t size, SSL_TICKET_STATUS status, void* unused);

    std::vector<Credentials> credentials_;
    std::map<std::string, std::size_t, std::less<>> by_name_;  // "a.example", "*.example"
    bool strict_names_ = false;
    std::string alpn_;
    Digest domain_{};  // of sessions: who is trusted, and whether clients have certificates
    std::shared_ptr<Tickets> tickets_;
    ContextPointer context_;
};

}  // namespace switchboard::tls::detail

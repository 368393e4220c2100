#include "cost/wire.hpp"

#include <openssl/ssl.h>
#include <chrono>
#include <switchboard/bind_datagram.hpp>

#include "base/no_sigpipe.hpp"

namespace switchboard::bench {
namespace {

constexpr std::chrono::seconds kMostWait(10);

Result<Socket> open_socket(const Endpoint& server) {
    return server.kind() == Endpoint::Kind::udp ? connect_datagram(server)
                                                : connect(server, kMostWait);
}

// All sessions share one context: otherwise each connection of the load would have its own.
SSL_CTX* client_context() {
    static const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    return context.get();
}

}  // namespace

void Wire::Free::operator()(ssl_st* session) const noexcept {
    SSL_free(session);
}

Result<Wire> Wire::open(const Endpoint& server, bool tls) {
    return open_socket(server).and_then([&](Socket socket) -> Result<Wire> {
        if (auto set = socket.set_timeouts(kMostWait, kMostWait); !set)
            return tl::unexpected(set.error());
        Wire wire(std::move(socket));
        if (auto ready = tls ? wire.encrypt() : Result<void>(); !ready)
            return tl::unexpected(ready.error());
        return wire;
    });
}

Result<void> Wire::encrypt() {
    const NoSigpipe guard;  // OpenSSL uses write(2)
    session_.reset(SSL_new(client_context()));
    if (session_ && SSL_set_fd(session_.get(), socket_.fd()) == 1 &&
        SSL_connect(session_.get()) == 1)
        return {};
    return fail(errc::unsupported, "make a TLS session");
}

Result<void> Wire::send_all(Bytes bytes) const {
    if (!session_) return socket_.send_all(bytes);
    const NoSigpipe guard;
    std::size_t sent = 0;  // all, or the time is over: the socket is blocking
    if (SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &sent) == 1) return {};
    return fail(errc::incomplete_message, "send over TLS");
}

Result<std::size_t> Wire::receive(MutableBytes into) const {
    std::size_t got = 0;
    if (session_) {
        if (SSL_read_ex(session_.get(), into.data(), into.size(), &got) == 1) return got;
    } else {
        const auto received = socket_.receive(into);
        if (!received || *received > 0) return received;
    }
    return fail(errc::incomplete_message, "receive a reply");
}

}  // namespace switchboard::bench

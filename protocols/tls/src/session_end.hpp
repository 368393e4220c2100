// When a session ends because a certificate of the peer expires.
#pragma once

#include <chrono>

#include "openssl.hpp"

namespace switchboard::tls::detail {

// Writes into the session when the first certificate of the peer's chain expires. OpenSSL itself keeps only
// the peer's own certificate in a ticket. A session that was resumed keeps its end. Returns false without
// memory.
bool keep_end(SSL* ssl, SSL_SESSION* session) noexcept;

// Whether a certificate of the peer has expired, or the session does not say. A session of a peer without a
// certificate does not end in this way.
bool has_ended(SSL_SESSION* session, std::chrono::system_clock::time_point now) noexcept;

}  // namespace switchboard::tls::detail

// Certificates: read from PEM, with their names and fingerprints.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <switchboard/security.hpp>
#include <switchboard/tls.hpp>
#include <vector>

#include "openssl.hpp"

namespace switchboard::tls::detail {

using Digest = std::array<unsigned char, 32>;  // SHA-256

tl::unexpected<Error> no_memory();  // the error of functions that catch std::bad_alloc

// Throws std::bad_alloc if OpenSSL has no memory: zeros in its place would be a key that everyone knows.
Digest digest(std::string_view bytes);

// A certificate that was read, with its chain and its key.
struct Credentials {
    CertificatePointer leaf;
    ChainPointer chain;  // without the leaf
    KeyPointer key;
    std::vector<std::string> dns_names;  // in lower case
    Digest fingerprint{};
};

// Errors: errc::bad_option. The text says which certificate is wrong, by name or number, and why.
Result<Credentials> read_credentials(const Certificate& certificate, std::size_t number);

// Adds the certificates of the PEM text to the store of the context. Errors: as above.
Result<void> trust(SSL_CTX* context, const std::string& pem);

std::string lower(std::string_view text);
Identity identity_of(X509* certificate);

}  // namespace switchboard::tls::detail

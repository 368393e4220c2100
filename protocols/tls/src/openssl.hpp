// Owners of OpenSSL's objects.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

namespace switchboard::tls::detail {

template <auto kFree>
struct Freed {
    template <class T>
    void operator()(T* object) const noexcept {
        kFree(object);
    }
};

using BioPointer = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using CertificatePointer = std::unique_ptr<X509, Freed<X509_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using SessionPointer = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using SslPointer = std::unique_ptr<SSL, Freed<SSL_free>>;

struct FreeChain {
    void operator()(STACK_OF(X509) * chain) const noexcept { sk_X509_pop_free(chain, X509_free); }
};
using ChainPointer = std::unique_ptr<STACK_OF(X509), FreeChain>;

}  // namespace switchboard::tls::detail

// Certificates for tests, made in memory.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <switchboard/tls.hpp>

namespace switchboard::test {

struct CertificateRequest {
    std::string subject = "server";
    std::string names = "";  // "DNS:a.example,IP:127.0.0.1"
    long begins = -3600;     // seconds from now
    long ends = 3600;
    bool rsa = false;             // otherwise the key is on P-256
    std::string revocation = "";  // "URI:http://a.example/revoked.crl"
};

// An authority, which signs certificates.
class Authority {
public:
    explicit Authority(const std::string& name = "authority")
        : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), own_(X509_new(), X509_free) {
        fill({.subject = name}, own_.get(), key_.get(), own_.get());
        extend(own_.get(), NID_basic_constraints, "critical,CA:TRUE");
        sign(own_.get());
    }

    // An authority whose certificate another one has signed. Its certificate follows those that it issues.
    Authority(const Authority& issuer, const CertificateRequest& request)
        : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), own_(X509_new(), X509_free) {
        fill(request, own_.get(), key_.get(), issuer.own_.get());
        extend(own_.get(), NID_basic_constraints, "critical,CA:TRUE");
        issuer.sign(own_.get());
        chain_ = pem();
    }

    std::string pem() const { return pem_of(own_.get()); }

    tls::Certificate issue(const CertificateRequest& request) const {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
            request.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free);
        const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
        fill(request, made.get(), key.get(), own_.get());
        if (!request.names.empty()) extend(made.get(), NID_subject_alt_name, request.names.c_str());
        if (!request.revocation.empty())
            extend(made.get(), NID_crl_distribution_points, request.revocation.c_str());
        sign(made.get());
        return {.chain_pem = pem_of(made.get()) + chain_, .key_pem = pem_of(key.get())};
    }

private:
    static void fill(const CertificateRequest& request, X509* to, EVP_PKEY* key, X509* issuer) {
        X509_set_version(to, X509_VERSION_3);
        set_serial(to);
        X509_gmtime_adj(X509_getm_notBefore(to), request.begins);
        X509_gmtime_adj(X509_getm_notAfter(to), request.ends);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(to), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(request.subject.c_str()),
                                   -1, -1, 0);
        X509_set_issuer_name(to, X509_get_subject_name(issuer));
        X509_set_pubkey(to, key);
    }
    static void extend(X509* to, int what, const char* value) {
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
        if (extension == nullptr) throw std::runtime_error("extension");
        X509_add_ext(to, extension, -1);
        X509_EXTENSION_free(extension);
    }
    void sign(X509* to) const {
        if (X509_sign(to, key_.get(), EVP_sha256()) <= 0) throw std::runtime_error("X509_sign");
    }

    static std::string pem_of(X509* certificate) {
        return written([&](BIO* to) { PEM_write_bio_X509(to, certificate); });
    }
    static std::string pem_of(EVP_PKEY* key) {
        return written([&](BIO* to) {
            PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
        });
    }
    template <class Write>
    static std::string written(Write&& write) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> to(BIO_new(BIO_s_mem()), BIO_free_all);
        write(to.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(to.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
    // Random, as authorities must choose it.
    static void set_serial(X509* to) {
        const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(BN_new(), BN_free);
        if (BN_rand(serial.get(), 128, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1)
            throw std::runtime_error("BN_rand");
        BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(to));
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> own_;
    std::string chain_;  // what must follow the certificates that it issues
};

}  // namespace switchboard::test

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <switchboard/tls.hpp>

#include "failure.hpp"

namespace switchboard::tls {
namespace {

const char* describe_tls(errc code) {
    switch (code) {
        case errc::handshake_timed_out: return "the TLS handshake took too long";
        case errc::handshake_too_large: return "the TLS handshake is too large";
        case errc::not_tls: return "the peer does not speak TLS";
        case errc::truncated: return "the peer closed without close_notify";
        case errc::no_common_protocol: return "the peer offers no protocol that is known (ALPN)";
        case errc::unknown_name: return "no certificate has the name that the peer asks for";
        case errc::too_many_quiet_records: return "too many TLS records without data";
        case errc::bad_name: return "the name of the server cannot be verified";
    }
    return "unknown error";
}

class TlsCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "tls"; }
    std::string message(int value) const override { return describe_tls(static_cast<errc>(value)); }
    std::error_condition default_error_condition(int value) const noexcept override {
        if (static_cast<errc>(value) == errc::handshake_timed_out) return std::errc::timed_out;
        return {value, *this};
    }
};

class OpensslCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "openssl"; }
    std::string message(int value) const override {
        const char* const text = ERR_reason_error_string(static_cast<unsigned long>(value));
        if (text != nullptr) return text;
        return "TLS error " + std::to_string(value);
    }
};

class VerifyCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "certificate"; }
    std::string message(int value) const override {
        return std::string("certificate verify failed: ") + X509_verify_cert_error_string(value);
    }
};

}  // namespace

const std::error_category& category() noexcept {
    static const TlsCategory instance;
    return instance;
}

const std::error_category& openssl_category() noexcept {
    static const OpensslCategory instance;
    return instance;
}

const std::error_category& verify_category() noexcept {
    static const VerifyCategory instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

namespace detail {

// The first error of the thread's queue is the cause, and those after it are consequences.
std::error_code take_failure(const SSL* ssl) noexcept {
    const unsigned long first = ERR_peek_error();
    ERR_clear_error();
    if (first == 0 || ERR_SYSTEM_ERROR(first)) return switchboard::errc::malformed_message;
    if (ERR_GET_LIB(first) == ERR_LIB_SSL && ssl != nullptr) {
        const int reason = ERR_GET_REASON(first);
        if (reason == SSL_R_NO_APPLICATION_PROTOCOL) return errc::no_common_protocol;
        const long verdict = SSL_get_verify_result(ssl);
        if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
            return {static_cast<int>(verdict), verify_category()};
    }
    return {static_cast<int>(first), openssl_category()};
}

std::string take_failure_text() {
    return take_failure(nullptr).message();
}

}  // namespace detail
}  // namespace switchboard::tls

#include "credentials.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <algorithm>
#include <climits>
#include <fstream>

#include "failure.hpp"

namespace switchboard::tls {
namespace {

constexpr std::size_t kMostPem = 1024 * 1024;

Result<std::string> read_pem(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail_errno("read " + path);
    std::string text(kMostPem + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) return fail_errno("read " + path);
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMostPem)
        return fail(switchboard::errc::bad_option, "read " + path + ": more than 1 MiB");
    return text;
}

}  // namespace

Result<Certificate> Certificate::load(const std::string& chain_path, const std::string& key_path) {
    auto chain = read_pem(chain_path);
    if (!chain) return tl::unexpected(std::move(chain.error()));
    auto key = read_pem(key_path);
    if (!key) return tl::unexpected(std::move(key.error()));
    return Certificate{.chain_pem = std::move(*chain),
                       .key_pem = std::move(*key),
                       .name = chain_path == key_path ? chain_path : chain_path + "," + key_path};
}

namespace detail {
namespace {

BioPointer reader(const std::string& text) {
    return BioPointer(BIO_new_mem_buf(
        text.data(), static_cast<int>(std::min<std::size_t>(text.size(), INT_MAX))));
}

// OpenSSL would ask for the password of a key at the terminal.
int no_password(char*, int, int, void*) {
    return -1;
}

tl::unexpected<Error> refuse(const std::string& what, const std::string& why) {
    return switchboard::fail(switchboard::errc::bad_option, what + ": " + why);
}

// Reads certificates until the text has no more. Returns whether no other error occurred.
template <class Use>
bool each_certificate(const std::string& pem, Use&& use) {
    const BioPointer from = reader(pem);
    ERR_clear_error();
    while (CertificatePointer next{PEM_read_bio_X509(from.get(), nullptr, no_password, nullptr)})
        if (!use(std::move(next))) return false;
    const unsigned long error = ERR_peek_last_error();
    const bool ended = ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (ended) ERR_clear_error();
    return ended;
}

template <class Use>
Result<void> each_authority(const std::string& pem, const std::string& what, Use&& use) {
    std::size_t count = 0;
    const bool whole = each_certificate(pem, [&](const CertificatePointer& next) {
        ++count;
        return use(next.get());
    });
    if (!whole) return refuse(what, take_failure_text());
    if (count == 0) return refuse(what, "no certificate");
    return {};
}

// OpenSSL says "unsupported" if the text has no key.
std::string key_failure() {
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_OSSL_DECODER) return "no private key";
    return "private key: " + take_failure_text();
}

std::string text_of(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string address_text(const ASN1_OCTET_STRING* address) {
    const int size = ASN1_STRING_length(address);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (size != 4 && size != 16) return "";
    inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(),
              text.size());
    return text.data();
}

std::string name_text(const GENERAL_NAME& name) {
    switch (name.type) {
        case GEN_DNS: return "DNS:" + text_of(name.d.dNSName);
        case GEN_URI: return "URI:" + text_of(name.d.uniformResourceIdentifier);
        case GEN_EMAIL: return "email:" + text_of(name.d.rfc822Name);
        case GEN_IPADD: return "IP:" + address_text(name.d.iPAddress);
        default: return "";
    }
}

std::vector<std::string> alternative_names(X509* certificate) {
    std::vector<std::string> texts;
    const NamesPointer names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i)
        if (auto text = name_text(*sk_GENERAL_NAME_value(names.get(), i)); !text.empty())
            texts.push_back(std::move(text));
    return texts;
}

Digest fingerprint_of(X509* certificate) {
    Digest result{};
    if (X509_digest(certificate, EVP_sha256(), result.data(), nullptr) != 1) throw std::bad_alloc();
    return result;
}

std::string subject_of(X509* certificate) {
    const BioPointer to(BIO_new(BIO_s_mem()));
    constexpr unsigned long kFlags =
        XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (!to || X509_NAME_print_ex(to.get(), X509_get_subject_name(certificate), 0, kFlags) < 0)
        throw std::bad_alloc();  // a subject that is cut could be another one
    char* text = nullptr;
    const long size = BIO_get_mem_data(to.get(), &text);
    return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

std::vector<std::byte> der_of(X509* certificate) {
    const int size = i2d_X509(certificate, nullptr);
    std::vector<std::byte> der(static_cast<std::size_t>(std::max(size, 0)));
    auto* to = reinterpret_cast<unsigned char*>(der.data());
    if (!der.empty()) i2d_X509(certificate, &to);
    return der;
}

}  // namespace

tl::unexpected<Error> no_memory() {
    return switchboard::fail(std::make_error_code(std::errc::not_enough_memory), "TLS");
}

Digest digest(std::string_view bytes) {
    Digest result{};
    const auto* const from = reinterpret_cast<const unsigned char*>(bytes.data());
    if (SHA256(from, bytes.size(), result.data()) == nullptr) throw std::bad_alloc();
    return result;
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return result;
}

Result<Credentials> read_credentials(const Certificate& certificate, std::size_t number) {
    const std::string what =
        "TLS " +
        (certificate.name.empty() ? "certificate " + std::to_string(number) : certificate.name);
    Credentials read;
    read.chain.reset(sk_X509_new_null());
    const bool whole = each_certificate(certificate.chain_pem, [&](CertificatePointer next) {
        if (!read.leaf) return (read.leaf = std::move(next)) != nullptr;
        if (sk_X509_push(read.chain.get(), next.get()) <= 0) return false;
        (void)next.release();
        return true;
    });
    if (!whole) return refuse(what, take_failure_text());
    if (!read.leaf) return refuse(what, "no certificate in the chain");
    const BioPointer from = reader(certificate.key_pem);
    ERR_clear_error();
    read.key.reset(PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr));
    if (!read.key) return refuse(what, key_failure());
    if (X509_check_private_key(read.leaf.get(), read.key.get()) != 1)
        return refuse(what, "private key: " + take_failure_text());
    for (const std::string& name : alternative_names(read.leaf.get()))
        if (name.starts_with("DNS:")) read.dns_names.push_back(lower(name.substr(4)));
    read.fingerprint = fingerprint_of(read.leaf.get());
    return read;
}

Result<void> trust(SSL_CTX* context, const std::string& pem) {
    return each_authority(pem, "TLS trust_pem", [&](X509* next) {
        return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), next) == 1 &&
               SSL_CTX_add_client_CA(context, next) == 1;
    });
}

Identity identity_of(X509* certificate) {
    Identity identity;
    identity.subject = subject_of(certificate);
    identity.names = alternative_names(certificate);
    identity.der = der_of(certificate);
    const Digest fingerprint = fingerprint_of(certificate);
    std::copy_n(reinterpret_cast<const std::byte*>(fingerprint.data()), fingerprint.size(),
                identity.fingerprint.data());
    return identity;
}

}  // namespace detail

Result<std::string> load_trust(const std::string& path) {
    auto pem = read_pem(path);
    if (!pem) return pem;
    return detail::each_authority(*pem, "read " + path, [](X509*) { return true; }).map([&] {
        return std::move(*pem);
    });
}

}  // namespace switchboard::tls

#include "system/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace switchboard::bench {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long kDay = 24 * 3600;

void add_names(X509* certificate) {
    X509_NAME* const name = X509_get_subject_name(certificate);
    const auto* const host = reinterpret_cast<const unsigned char*>("localhost");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, host, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
}

bool sign(X509* certificate, EVP_PKEY* key) {
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
    X509_set_pubkey(certificate, key);
    add_names(certificate);
    return X509_sign(certificate, key, EVP_sha256()) != 0;
}

template <class Write>
bool write_pem(const std::string& path, Write write) {
    std::FILE* const file = std::fopen(path.c_str(), "wx");
    if (file == nullptr) return false;
    const bool written = write(file) != 0;
    return std::fclose(file) == 0 && written;
}

}  // namespace

Result<CertificateFiles> CertificateFiles::make() {
    std::string folder =
        (std::filesystem::temp_directory_path() / "switchboard-bench-tls-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return fail_errno("create " + folder);
    CertificateFiles files(std::move(folder));  // mkdtemp(3): nobody else can read the folder
    const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const Certificate certificate(X509_new(), X509_free);
    if (!key || !certificate || !sign(certificate.get(), key.get()))
        return fail(errc::unsupported, "create a certificate");
    const bool written =
        write_pem(files.folder_ + "/cert.pem",
                  [&](std::FILE* to) { return PEM_write_X509(to, certificate.get()); }) &&
        write_pem(files.folder_ + "/key.pem", [&](std::FILE* to) {
            return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    if (!written) return fail_errno("write a certificate in " + files.folder_);
    return files;
}

CertificateFiles::~CertificateFiles() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace switchboard::bench

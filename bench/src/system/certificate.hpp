// A certificate for servers that are measured over TLS.
#pragma once

#include <optional>
#include <string>
#include <switchboard/error.hpp>
#include <utility>

namespace switchboard::bench {

// Files with a new self-signed certificate for localhost, with a key on P-256. It is valid for a day. The
// destructor removes the files.
class CertificateFiles {
public:
    // Errors: those of the system or of OpenSSL.
    static Result<CertificateFiles> make();
    // The same if `wanted`, and nullopt otherwise: for a server with or without TLS.
    static Result<std::optional<CertificateFiles>> make_if(bool wanted) {
        using Maybe = std::optional<CertificateFiles>;
        if (!wanted) return Maybe();
        return make().map([](CertificateFiles files) { return Maybe(std::move(files)); });
    }
    CertificateFiles(CertificateFiles&& other) noexcept
        : folder_(std::exchange(other.folder_, {})) {}
    CertificateFiles& operator=(CertificateFiles&&) = delete;
    ~CertificateFiles();

    // "CERTIFICATE,KEY", as `switchboard serve --tls` takes it.
    std::string paths() const { return folder_ + "/cert.pem," + folder_ + "/key.pem"; }

private:
    explicit CertificateFiles(std::string folder) : folder_(std::move(folder)) {}

    std::string folder_;
};

}  // namespace switchboard::bench

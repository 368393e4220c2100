// Certificates in files, and other programs that speak TLS.
#pragma once

#include <fstream>

#include "certificates.hpp"
#include "loopback.hpp"
#include "server.hpp"

namespace switchboard::programs {

// A folder with the authority in "ca.pem".
class TlsFolder {
public:
    TlsFolder() { write("ca.pem", authority_.pem()); }

    std::string operator/(std::string_view name) const { return folder_ / name; }
    std::string ca() const { return folder_ / "ca.pem"; }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }
    // Writes NAME.pem and NAME.key, and returns both paths, separated by a comma.
    std::string issue(const std::string& name, const test::CertificateRequest& request) const {
        const tls::Certificate made = authority_.issue(request);
        write(name + ".pem", made.chain_pem);
        write(name + ".key", made.key_pem);
        return folder_ / (name + ".pem") + "," + folder_ / (name + ".key");
    }
    std::string server() const {
        return issue("server", {.names = "DNS:server.example,DNS:localhost,IP:127.0.0.1"});
    }

private:
    test::TempDir folder_;
    test::Authority authority_;
};

// Runs curl(1) for https://NAME:PORT/. It prints whatever the server sends.
inline Finished curl_https(const TlsFolder& folder, const std::string& port,
                           std::vector<std::string> more = {},
                           const std::string& name = "server.example") {
    std::vector<std::string> all = {"curl",
                                    "-sS",
                                    "--http0.9",
                                    "--max-time",
                                    "30",
                                    "--noproxy",
                                    "*",
                                    "--cacert",
                                    folder.ca(),
                                    "--connect-to",
                                    name + ":443:127.0.0.1:" + port};
    all.insert(all.end(), more.begin(), more.end());
    all.push_back("https://" + name + "/");
    return support::run(all);
}

// Runs openssl s_client(1) until the server ends the connection.
inline Finished s_client(const TlsFolder& folder, const std::string& port,
                         std::vector<std::string> more = {}) {
    std::vector<std::string> all = {
        "timeout",  "30",       "openssl",           "s_client",
        "-ign_eof", "-connect", "127.0.0.1:" + port, "-verify_return_error",
        "-CAfile",  folder.ca()};
    all.insert(all.end(), more.begin(), more.end());
    return support::run(all);
}

inline bool has_text(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace switchboard::programs

#include "tls.hpp"

#include <CLI/CLI.hpp>

namespace switchboard::program {
namespace {

constexpr std::size_t kMostRecord = 5 + 16 * 1024 + 2048;  // RFC 5246, section 6.2.3

tl::expected<std::vector<tls::Certificate>, std::string> read_certificates(
    const std::vector<std::string>& all) {
    std::vector<tls::Certificate> certificates;
    for (const std::string& files : all) {
        auto certificate = read_certificate("--tls", files);
        if (!certificate) return refuse(certificate.error());
        certificates.push_back(std::move(*certificate));
    }
    return certificates;
}

Outcome check_tls(const TlsArguments& arguments, const ConnectionLimits& limits, bool datagrams) {
    if (arguments.certificates.empty()) {
        if (arguments.authorities) return refuse("--tls-ca requires --tls");
        if (arguments.strict_names) return refuse("--tls-strict-names requires --tls");
        return {};
    }
    if (datagrams) return refuse("--tls applies to connections only, not to datagrams");
    if (limits.max_read_buffer < kMostRecord)
        return refuse("--tls requires --limit max_read_buffer=" + std::to_string(kMostRecord) +
                      " or more, the size of a TLS record");
    return {};
}

}  // namespace

void add_tls(CLI::App& command, TlsArguments& arguments) {
    command
        .add_option("--tls", arguments.certificates,
                    "Encrypts with TLS 1.2 and 1.3. PEM files: the certificate with its chain, and "
                    "its key; or one file with both. Repeated for more names: the client's name "
                    "(SNI) chooses, and the first certificate serves all other names")
        ->type_name("CERT,KEY")
        ->take_all()
        ->allow_extra_args(false);
    command
        .add_option("--tls-ca", arguments.authorities,
                    "Requires a certificate of each client, signed by an authority in this file")
        ->type_name("PEM");
    command.add_flag("--tls-strict-names", arguments.strict_names,
                     "Refuses a client that asks for a name that no certificate has");
}

tl::expected<tls::Certificate, std::string> read_certificate(const std::string& option,
                                                             const std::string& files) {
    const auto comma = files.find(',');
    const std::string chain = files.substr(0, comma);
    const std::string key = comma == files.npos ? chain : files.substr(comma + 1);
    if (chain.empty() || key.empty()) return refuse(option + " " + files + ": must be CERT,KEY");
    auto certificate = tls::Certificate::load(chain, key);
    if (!certificate) return refuse(option + " " + files + ": " + certificate.error().message());
    return std::move(*certificate);
}

tl::expected<std::optional<TlsFiles>, std::string> open_tls(const TlsArguments& arguments,
                                                            const ConnectionLimits& limits,
                                                            std::size_t reactors, bool datagrams) {
    if (auto good = check_tls(arguments, limits, datagrams); !good) return refuse(good.error());
    if (arguments.certificates.empty()) return std::nullopt;
    auto certificates = read_certificates(arguments.certificates);
    if (!certificates) return refuse(certificates.error());
    tls::ServerOptions options{.common = {.limits = limits},
                               .certificates = std::move(*certificates),
                               .strict_names = arguments.strict_names};
    options.handshakes_per_turn *= static_cast<unsigned>(reactors);
    if (arguments.authorities) {
        auto pem = tls::load_trust(*arguments.authorities);
        if (!pem) return refuse("--tls-ca: " + pem.error().message());
        options.common.trust_pem = std::move(*pem);
        options.clients = tls::ClientCertificates::required;
    }
    auto server = tls::Server::make(std::move(options));
    if (!server) return refuse(server.error());
    return TlsFiles(std::move(*server), arguments.certificates);
}

Outcome TlsFiles::reload() const {
    const auto certificates = read_certificates(certificates_);
    if (!certificates) return refuse(certificates.error());
    if (auto reloaded = server_.reload(*certificates); !reloaded) return refuse(reloaded.error());
    return {};
}

}  // namespace switchboard::program

#include "exchange_tls.hpp"

#include <CLI/CLI.hpp>

#include "tls.hpp"

namespace switchboard::program {
namespace {

constexpr std::string_view kScheme = "tls://";

}  // namespace

void add_exchange_tls(CLI::App& command, ExchangeTls& arguments) {
    command
        .add_option("--tls-ca", arguments.authorities,
                    "The authorities that may have signed the server's certificate "
                    "[those of the system]")
        ->type_name("PEM");
    command
        .add_option("--tls-cert", arguments.certificate,
                    "The certificate to present and its key, if the server asks for one")
        ->type_name("CERT,KEY");
}

tl::expected<tls::Client, std::string> make_tls_client(const ExchangeTls& arguments,
                                                       std::vector<std::string> protocols) {
    tls::ClientOptions options;
    options.common.protocols = std::move(protocols);
    options.common.handshake_timeout = {};  // the time-out of the exchange includes it
    if (arguments.authorities) {
        auto pem = tls::load_trust(*arguments.authorities);
        if (!pem) return refuse("--tls-ca: " + pem.error().message());
        options.common.trust_pem = std::move(*pem);
    }
    if (arguments.certificate) {
        auto certificate = read_certificate("--tls-cert", *arguments.certificate);
        if (!certificate) return refuse(certificate.error());
        options.certificates.push_back(std::move(*certificate));
    }
    auto client = tls::Client::make(std::move(options));
    if (!client) return refuse(client.error());
    return std::move(*client);
}

tl::expected<Endpoint, std::string> parse_tls(const std::string& text, const ExchangeTls& arguments,
                                              ExchangeOptions& options) {
    const bool encrypts = text.starts_with(kScheme);
    if (!encrypts && arguments.given())
        return refuse("--tls-ca and --tls-cert require tls://HOST:PORT or an https:// URL");
    const auto endpoint = Endpoint::parse(encrypts ? "tcp://" + text.substr(kScheme.size()) : text);
    if (!endpoint) return refuse(endpoint.error());
    if (!encrypts) return *endpoint;
    const auto client = make_tls_client(arguments);
    if (!client) return refuse(client.error());
    options.layer = [client = *client, host = endpoint->host()](std::unique_ptr<Protocol> above) {
        return client.wrap(host, std::move(above));
    };
    return *endpoint;
}

}  // namespace switchboard::program

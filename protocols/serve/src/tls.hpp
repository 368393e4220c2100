// The options --tls, --tls-ca and --tls-strict-names of `switchboard serve`.
#pragma once

#include <optional>
#include <string>
#include <switchboard/limits.hpp>
#include <switchboard/tls.hpp>
#include <vector>

#include "commands.hpp"

namespace switchboard::program {

// The arguments as given on the command line.
struct TlsArguments {
    std::vector<std::string> certificates;   // "CERT,KEY", or one file with both
    std::optional<std::string> authorities;  // of clients
    bool strict_names = false;
};

// A TLS server, and the files of its certificates.
class TlsFiles {
public:
    TlsFiles(tls::Server server, std::vector<std::string> certificates)
        : server_(std::move(server)), certificates_(std::move(certificates)) {}

    ProtocolFactory wrap(ProtocolFactory above) const { return server_.wrap(std::move(above)); }
    // Reads the certificates again: all of them, or none if there is an error.
    Outcome reload() const;

private:
    tls::Server server_;
    std::vector<std::string> certificates_;
};

void add_tls(CLI::App& command, TlsArguments& arguments);
// "CERT,KEY", or one file with both. Errors begin with `option` and name the file.
tl::expected<tls::Certificate, std::string> read_certificate(const std::string& option,
                                                             const std::string& files);
// Returns an empty optional without --tls.
tl::expected<std::optional<TlsFiles>, std::string> open_tls(const TlsArguments& arguments,
                                                            const ConnectionLimits& limits,
                                                            std::size_t reactors, bool datagrams);

}  // namespace switchboard::program

// `switchboard exchange tls://HOST:PORT`.
#pragma once

#include <optional>
#include <string>
#include <switchboard/exchange.hpp>
#include <switchboard/tls.hpp>
#include <vector>

#include "commands.hpp"

namespace switchboard::program {

// The arguments as given on the command line.
struct ExchangeTls {
    std::optional<std::string> authorities, certificate;
    bool given() const { return authorities || certificate; }
};

void add_exchange_tls(CLI::App& command, ExchangeTls& arguments);
// Returns the client that the arguments describe, with these protocols for ALPN.
tl::expected<tls::Client, std::string> make_tls_client(const ExchangeTls& arguments,
                                                       std::vector<std::string> protocols = {});
// Returns the endpoint to connect to. For tls://HOST:PORT, `options` gets a layer of TLS, which verifies the
// host; other endpoints are parsed as usual.
tl::expected<Endpoint, std::string> parse_tls(const std::string& text, const ExchangeTls& arguments,
                                              ExchangeOptions& options);

}  // namespace switchboard::program

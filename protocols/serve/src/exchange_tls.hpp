// `switchboard exchange tls://HOST:PORT`.
#pragma once

#include <optional>
#include <string>
#include <switchboard/exchange.hpp>

#include "commands.hpp"

namespace switchboard::program {

// The arguments as given on the command line.
struct ExchangeTls {
    std::optional<std::string> authorities, certificate;
};

void add_exchange_tls(CLI::App& command, ExchangeTls& arguments);
// Returns the endpoint to connect to. For tls://HOST:PORT, `options` gets a layer of TLS, which verifies the
// host; other endpoints are parsed as usual.
tl::expected<Endpoint, std::string> parse_tls(const std::string& text, const ExchangeTls& arguments,
                                              ExchangeOptions& options);

}  // namespace switchboard::program

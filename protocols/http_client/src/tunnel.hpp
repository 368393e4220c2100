// A tunnel through a proxy (RFC 9110, section 9.3.6).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/protocol.hpp>

#include "reply_parser.hpp"

namespace switchboard::http::detail {

struct TunnelOptions {
    std::string authority;  // "example.org:443"
    std::chrono::milliseconds timeout{10'000};
    std::size_t max_head = 64 * 1024;
    // The proxy answered, but not with 2xx.
    std::function<void(unsigned status)> refused = {};
};

// Asks the proxy for a tunnel, and then makes the protocol within it. Without a tunnel, `make` is not called,
// and the connection ends with an error.
std::unique_ptr<Protocol> make_tunnel(TunnelOptions options,
                                      std::function<std::unique_ptr<Protocol>()> make);

}  // namespace switchboard::http::detail

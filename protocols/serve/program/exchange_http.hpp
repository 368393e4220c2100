// `switchboard exchange` with a URL.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/tls.hpp>

#include "commands.hpp"

namespace switchboard::program {

bool is_https(std::string_view endpoint) noexcept;
bool is_http(std::string_view endpoint) noexcept;  // or https

struct HttpExchange {
    std::string url;
    std::optional<std::string> text = {};  // sent by POST; none: GET
    std::chrono::milliseconds timeout{};
    std::size_t max_reply = 0;
    std::optional<tls::Client> tls = {};  // none: the client's own
};
// Writes the body of the reply to stdout. A status from 400 on is an error, too.
Outcome exchange_http(const HttpExchange& exchange);

}  // namespace switchboard::program

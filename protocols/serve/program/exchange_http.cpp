#include "exchange_http.hpp"

#include <switchboard/http_client.hpp>

#include <cstdio>

namespace switchboard::program {

bool is_https(std::string_view endpoint) noexcept {
    return endpoint.starts_with("https://");
}

bool is_http(std::string_view endpoint) noexcept {
    return endpoint.starts_with("http://") || is_https(endpoint);
}

Outcome exchange_http(const HttpExchange& exchange) {
    const auto reply = http::send(
        {.method = exchange.text ? "POST" : "GET",
         .url = exchange.url,
         .body = exchange.text.value_or("")},
        {.total = exchange.timeout, .max_body = exchange.max_reply, .tls = exchange.tls});
    if (!reply) return refuse(reply.error());
    std::fwrite(reply->body.data(), 1, reply->body.size(), stdout);
    if (std::fflush(stdout) != 0) return refuse(fail_errno("write to stdout").value());
    if (reply->status >= 400)
        return refuse(reply->url + ": status " + std::to_string(reply->status));
    return {};
}

}  // namespace switchboard::program

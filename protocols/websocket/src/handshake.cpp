#include "handshake.hpp"

#include <algorithm>

#include "accept_key.hpp"
#include "extension.hpp"

namespace switchboard::websocket::detail {
namespace {

bool is_own_page(std::string_view origin, std::string_view host) {
    const auto scheme = origin.find("://");
    return scheme != std::string_view::npos && equals_without_case(origin.substr(scheme + 3), host);
}

// 10.2: a page of another site must not use the cookies of this one.
bool is_allowed(std::string_view origin, std::string_view host, const Options& options) {
    if (options.origins.empty()) return is_own_page(origin, host);
    return std::any_of(options.origins.begin(), options.origins.end(),
                       [&](const std::string& allowed) {
                           return allowed == "*" || equals_without_case(allowed, origin);
                       });
}

Decision refuse(unsigned status, std::string_view why) {
    return {.status = status, .why = why};
}

std::optional<Decision> refusal(const RequestView& request, const Options& options) {
    const Fields& fields = request.fields;
    if (request.method != "GET") return refuse(405, "the method is not GET");
    if (!fields.has_element("Upgrade", "websocket") || !fields.has_element("Connection", "upgrade"))
        return refuse(426, "this is a WebSocket");
    if (request.host.empty()) return refuse(400, "no Host");
    if (fields.count("Sec-WebSocket-Version") != 1 || fields.first("Sec-WebSocket-Version") != "13")
        return refuse(426, "the version is not 13");
    if (fields.count("Sec-WebSocket-Key") != 1 || !is_key(fields.first("Sec-WebSocket-Key")))
        return refuse(400, "wrong Sec-WebSocket-Key");
    if (fields.count("Origin") > 1) return refuse(400, "several Origins");
    if (fields.count("Origin") == 1 && !is_allowed(fields.first("Origin"), request.host, options))
        return refuse(403, "the Origin is not allowed");
    return std::nullopt;
}

// The first of the server's that the client offers.
std::string choose_subprotocol(const Fields& fields, const Options& options) {
    const auto offered = fields.list("Sec-WebSocket-Protocol");
    for (const auto& own : options.subprotocols)
        if (std::find(offered.begin(), offered.end(), own) != offered.end()) return own;
    return {};
}

}  // namespace

Decision decide(const RequestView& request, const Options& options) {
    if (auto refused = refusal(request, options)) return std::move(*refused);
    Decision decision;
    decision.accept = accept_key(request.fields.first("Sec-WebSocket-Key"));
    decision.opening.subprotocol = choose_subprotocol(request.fields, options);
    if (auto accepted = accept_offer(request.fields, options.deflate)) {
        decision.extensions = std::move(accepted->field);
        decision.opening.deflate = accepted->agreed;
    }
    return decision;
}

}  // namespace switchboard::websocket::detail

#include <string>
#include <switchboard/websocket_server.hpp>
#include <utility>

#include "handshake.hpp"

namespace switchboard::websocket {
namespace {

detail::Decision decide_on(const http::Request& request, const Options& options) {
    detail::Decision decision = detail::decide({.method = request.method(),
                                                .host = request.host(),
                                                .fields = detail::Fields{request.fields()}},
                                               options);
    if (decision.status == 101 && !request.body().empty())
        return {.status = 400, .why = "the request has a body"};
    return decision;
}

void refuse(http::Response& response, const detail::Decision& decision) {
    response.status(decision.status).type("text/plain");
    if (decision.status == 426) response.field("Sec-WebSocket-Version", "13");
    response.send(std::string(decision.why) + "\n");
}

void open(http::Response& response, detail::Decision decision, std::unique_ptr<Handler> handler,
          const Settings& settings) {
    response.field("Sec-WebSocket-Accept", decision.accept);
    const auto& chosen = decision.opening.subprotocol;
    if (!chosen.empty()) response.field("Sec-WebSocket-Protocol", chosen);
    if (!decision.extensions.empty())
        response.field("Sec-WebSocket-Extensions", decision.extensions);
    response.upgrade("websocket",
                     std::make_unique<detail::Engine>(std::move(handler), settings.shared(),
                                                      std::move(decision.opening)));
}

}  // namespace

bool accept(const http::Request& request, http::Response& response,
            std::unique_ptr<Handler> handler, const Settings& settings) {
    auto decision = decide_on(request, settings.options());
    const bool accepted = decision.status == 101;
    accepted ? open(response, std::move(decision), std::move(handler), settings)
             : refuse(response, decision);
    return accepted;
}

http::Handler endpoint(HandlerFactory make, const Settings& settings) {
    return
        [make = std::move(make), settings](const http::Request& request, http::Response& response) {
            auto decision = decide_on(request, settings.options());
            if (decision.status != 101) return refuse(response, decision);
            auto handler = make();
            if (!handler) return refuse(response, {.status = 503, .why = "no more sockets"});
            open(response, std::move(decision), std::move(handler), settings);
        };
}

}  // namespace switchboard::websocket

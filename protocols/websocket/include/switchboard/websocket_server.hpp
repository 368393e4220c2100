// The server's end of a WebSocket: the answer to a request of HTTP (RFC 6455, 4.2).
#pragma once

#include <memory>
#include <switchboard/http.hpp>
#include <switchboard/websocket.hpp>

namespace switchboard::websocket {

// Answers a request: with 101, after which `handler` serves the connection, or with the status that says why
// not: 400, 403 (Origin), 405 or 426. Frames that came together with the request are not lost. Returns
// whether it accepted; if not, `handler` is destroyed without any callback. No answer may have been sent
// before.
bool accept(const http::Request& request, http::Response& response,
            std::unique_ptr<Handler> handler, const Settings& settings = {});

// Returns the same as the handler of a route: server.route("GET", "/chat", endpoint(make_chat, settings)).
// `make` is called for each request that is accepted; if it returns null, the answer is 503. Threading: that
// of http::Handler.
[[nodiscard]] http::Handler endpoint(HandlerFactory make, const Settings& settings = {});

}  // namespace switchboard::websocket

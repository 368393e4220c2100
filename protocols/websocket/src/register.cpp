#include <switchboard/websocket_registry.hpp>
#include <switchboard/websocket_server.hpp>

namespace switchboard::websocket {
namespace {

class MessageEcho final : public Handler {
    void on_message(Socket& socket, Kind kind, MutableBytes message) override {
        socket.send(kind, message);
    }
};

Result<ProtocolFactory> echo_server(const switchboard::Options&, const ProtocolContext&) {
    return Settings::make({.origins = {"*"}}).map([](const Settings& settings) {
        return http::Server()
            .route("GET", "/{path...}",
                   endpoint([] { return std::make_unique<MessageEcho>(); }, settings))
            .factory();
    });
}

}  // namespace

void register_websocket(Registry& registry) {
    registry.add({.name = "websocket",
                  .summary = "sends each message of a WebSocket back (RFC 6455)",
                  .make = echo_server});
}

}  // namespace switchboard::websocket

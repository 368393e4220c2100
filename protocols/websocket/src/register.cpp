#include <memory>
#include <string>
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

// All members are on one thread, so they may share the topics without a lock.
class RoomMember final : public Handler {
public:
    RoomMember(std::shared_ptr<Topics> rooms, std::string room)
        : rooms_(std::move(rooms)), room_(std::move(room)) {}

private:
    void on_open(Socket& socket) override { rooms_->subscribe(socket, room_); }
    void on_message(Socket& socket, Kind kind, MutableBytes message) override {
        rooms_->publish(room_, kind, message, &socket);
    }

    const std::shared_ptr<Topics> rooms_;
    const std::string room_;
};

Result<ProtocolFactory> rooms_server(const switchboard::Options&, const ProtocolContext&) {
    return Settings::make({.origins = {"*"}}).map([](const Settings& settings) {
        const auto enter = [rooms = std::make_shared<Topics>(), settings](const auto& request,
                                                                          auto& response) {
            auto member = std::make_unique<RoomMember>(rooms, request.parameter("room"));
            accept(request, response, std::move(member), settings);
        };
        return http::Server().route("GET", "/{room...}", enter).factory();
    });
}

}  // namespace

void register_websocket(Registry& registry) {
    registry.add({.name = "websocket",
                  .summary = "sends each message of a WebSocket back (RFC 6455)",
                  .make = echo_server});
    registry.add({.name = "rooms",
                  .summary = "passes each message of a WebSocket on to all others of its path",
                  .needs_reactor = true,
                  .one_reactor = true,
                  .make = rooms_server});
}

}  // namespace switchboard::websocket

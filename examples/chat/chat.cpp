// Chat in the browser: a page, and rooms over WebSocket. A room is a topic; members of the same room see each
// other's messages. Usage: chat DIRECTORY [LISTEN [CERT.pem KEY.pem]]; the directory is examples/chat/www.
#include <iostream>
#include <switchboard/http.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/tls.hpp>
#include <switchboard/websocket_server.hpp>

using namespace switchboard;

// One browser. All are on one thread, so they may share the topics without a lock.
class Member final : public websocket::Handler {
public:
    Member(websocket::Topics& rooms, std::string room) : rooms_(rooms), room_(std::move(room)) {}

    void on_open(websocket::Socket& socket) override {
        rooms_.subscribe(socket, room_);
        tell("somebody has come; members: " + std::to_string(rooms_.subscribers(room_)));
    }
    void on_message(websocket::Socket&, websocket::Kind kind, MutableBytes message) override {
        if (kind == websocket::Kind::text) tell(as_text(message));
    }
    // The socket is still counted, but gets nothing more.
    void on_close(std::uint16_t, std::string_view) noexcept override {
        tell("somebody has left; members: " + std::to_string(rooms_.subscribers(room_) - 1));
    }

private:
    void tell(std::string_view text) {
        rooms_.publish(room_, websocket::Kind::text, as_bytes(text));
    }

    websocket::Topics& rooms_;
    const std::string room_;
};

http::Server make_server(const std::string& directory, websocket::Topics& rooms,
                         const websocket::Settings& settings) {
    http::Server server;
    server.files("/", directory);
    server.route("GET", "/rooms/{room}", [&rooms, settings](const auto& request, auto& response) {
        auto member = std::make_unique<Member>(rooms, request.parameter("room"));
        websocket::accept(request, response, std::move(member), settings);
    });
    return server;
}

// Puts the pages and the rooms above TLS, if there is a certificate.
Result<ProtocolFactory> encrypted(ProtocolFactory chat, int count, char** files) {
    if (count < 2) return chat;
    auto certificate = tls::Certificate::load(files[0], files[1]);
    if (!certificate) return tl::unexpected(certificate.error());
    return tls::Server::make({.certificates = {std::move(*certificate)}})
        .map([&](const tls::Server& server) { return server.wrap(std::move(chat)); });
}

int main(int argc, char** argv) try {
    if (argc < 2) return std::cerr << "usage: chat DIRECTORY [LISTEN [CERT KEY]]\n", 2;
    const auto endpoint = Endpoint::parse(argc > 2 ? argv[2] : "tcp://127.0.0.1:0");
    if (!endpoint) return std::cerr << endpoint.error().message() << "\n", 1;
    const auto settings =
        websocket::Settings::make({.deflate = {.enabled = true}, .max_message = 4096});
    if (!settings) return std::cerr << settings.error().message() << "\n", 1;

    websocket::Topics rooms;
    Reactor reactor;
    const http::Server server = make_server(argv[1], rooms, *settings);
    const auto protocol = encrypted(server.factory(), argc - 3, argv + 3);
    if (!protocol) return std::cerr << protocol.error().message() << "\n", 1;
    const auto listening = reactor.listen(*endpoint, *protocol);
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    const std::string at = listening->local.to_string();
    std::cout << "listening on " << (argc > 4 ? "https" : "http") << at.substr(at.find(':'))
              << std::endl;
    reactor.run();
} catch (const std::exception& error) {
    return std::cerr << error.what() << "\n", 1;
}

// HTTP, its client, WebSockets and compression pass the transcripts in transcripts/.
#include <doctest/doctest.h>

#include <map>
#include <switchboard/http_registry.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/replies.hpp>
#include <switchboard/testing/check.hpp>
#include <switchboard/testing/doctest.hpp>
#include <switchboard/websocket_registry.hpp>
#include <switchboard/websocket_server.hpp>

#include "../http/folder.hpp"
#include "../http_client/exchanges.hpp"
#include "transcript_files.hpp"

using namespace switchboard;
using test::transcripts;

namespace {

class EchoOfMessages final : public websocket::Handler {
    void on_message(websocket::Socket& socket, websocket::Kind kind,
                    MutableBytes message) override {
        socket.send(kind, message);
    }
};

// Passes each message on to all others of the room.
class Guest final : public websocket::Handler {
public:
    explicit Guest(std::shared_ptr<websocket::Topics> rooms) : rooms_(std::move(rooms)) {}

private:
    void on_open(websocket::Socket& socket) override { rooms_->subscribe(socket, "room"); }
    void on_message(websocket::Socket& socket, websocket::Kind kind,
                    MutableBytes message) override {
        rooms_->publish("room", kind, message, &socket);
    }

    const std::shared_ptr<websocket::Topics> rooms_;
};

ProtocolFactory websocket_at_chat(std::function<std::unique_ptr<websocket::Handler>()> make,
                                  websocket::Options options = {}) {
    http::Server server(test::fixed_date());
    server.route("GET", "/chat",
                 websocket::endpoint(std::move(make),
                                     websocket::Settings::make(std::move(options)).value()));
    return server.factory();
}

// A client that sends the same request again and again, one after the other.
std::unique_ptr<Protocol> http_client() {
    const auto owner = std::make_shared<test::TestOwner>();
    const auto ask = [](test::ClientProtocol& connection) {
        connection.start(std::make_shared<test::TestUser>(), test::get_request());
    };
    owner->at_open = ask;
    owner->at_free = ask;
    return std::make_unique<test::ClientProtocol>(test::ClientLimits{}, owner);
}

}  // namespace

TEST_CASE("in-tree: each protocol that is served by name has transcripts") {
    Registry registry;
    register_inetd(registry, [] { return WallTime{}; });
    register_relay(registry);
    register_replies(registry);
    http::register_http(registry);
    websocket::register_websocket(registry);
    const std::map<std::string, std::string> others{{"coroutine-echo", "echo"}, {"http", "files"}};
    for (const Registration& each : registry.all()) {
        CAPTURE(each.name);
        const auto other = others.find(each.name);
        CHECK_FALSE(transcripts(other == others.end() ? each.name : other->second).empty());
    }
}

TEST_CASE("in-tree: http with pages, and with files") {
    CHECK_TRANSCRIPTS(test::hello().factory(), transcripts("hello"), {.most_runs = 500});
    const test::FileTree tree;
    tree.add("index.html", "<p>hello");
    tree.add("a.txt", "0123456789");
    CHECK_TRANSCRIPTS(tree.server().factory(), transcripts("files"), {.most_runs = 300});
}

TEST_CASE("in-tree: the client of http") {
    CHECK_TRANSCRIPTS(http_client, transcripts("http_client"), {.most_runs = 500});
}

TEST_CASE("in-tree: a websocket in http, also with deflate, and one in a room") {
    const auto echo = [] { return std::make_unique<EchoOfMessages>(); };
    CHECK_TRANSCRIPTS(websocket_at_chat(echo), transcripts("websocket"), {.most_runs = 500});
    CHECK_TRANSCRIPTS(websocket_at_chat(echo, {.deflate = {.enabled = true, .from = 1}}),
                      transcripts("deflate"), {.most_runs = 300});
    const ProtocolFactory alone = [] {
        const auto rooms = std::make_shared<websocket::Topics>();
        return websocket_at_chat([rooms] { return std::make_unique<Guest>(rooms); })();
    };
    CHECK_TRANSCRIPTS(alone, transcripts("rooms"), {.most_runs = 300});
}

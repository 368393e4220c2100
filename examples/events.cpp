// Server-sent events (text/event-stream): POST /say sends its body to everybody who has GET /events open. Try
// it with `curl -N http://.../events` and `curl -d hello http://.../say`.
#include <csignal>
#include <iostream>
#include <list>
#include <switchboard/http.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/signals.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

// Everybody who listens. All handlers run on the reactor's thread, so it needs no lock.
class Audience {
public:
    void add(http::Stream stream) {
        const auto here = listeners_.insert(listeners_.end(), {std::move(stream)});
        here->stream.on_room([here] { here->slow = false; });
        here->stream.on_gone([this, here](std::error_code) { listeners_.erase(here); });
    }
    // A listener that does not read misses events, instead of memory being used for them.
    std::size_t send(std::string_view event) {
        std::size_t heard = 0;
        for (Listener& each : listeners_) {
            if (each.slow) continue;
            each.slow = !each.stream.write(event);
            ++heard;
        }
        return heard;
    }
    void end() {
        for (Listener& each : listeners_) each.stream.end();
        listeners_.clear();
    }

private:
    struct Listener {
        http::Stream stream;
        bool slow = false;
    };
    std::list<Listener> listeners_;
};

// Each line of the text needs a "data: " of its own.
std::string event_of(std::string_view text) {
    std::string event = "data: ";
    for (const char c : text) {
        if (c == '\n')
            event += "\ndata: ";
        else if (c != '\r')
            event += c;
    }
    return event + "\n\n";
}

int main() {
    Audience audience;  // outlives the reactor, whose connections leave it
    Reactor reactor;
    http::Server server;
    server.route("GET", "/events", [&](const http::Request&, http::Response& response) {
        response.type("text/event-stream").field("Cache-Control", "no-store");
        http::Stream stream = response.stream();
        stream.write(": welcome\n\n");
        audience.add(std::move(stream));
    });
    server.route("POST", "/say", [&](const http::Request& request, http::Response& response) {
        const std::size_t heard = audience.send(event_of(as_text(request.body())));
        response.type("text/plain").send("heard by " + std::to_string(heard) + "\n");
    });
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), server.factory());
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    // A comment now and then shows who has left without a word.
    reactor.every(15s, [&] { audience.send(":\n\n"); });
    const auto armed = on_signal(reactor, SIGTERM, [&] {
        audience.end();
        reactor.drain(1s, [&](std::size_t) { reactor.stop(); });
    });
    if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}

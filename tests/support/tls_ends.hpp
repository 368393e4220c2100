// Both ends of a TLS connection in memory, and what their protocols saw.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/memory.hpp>
#include <switchboard/tls.hpp>

#include "certificates.hpp"

namespace switchboard::test {

inline const Authority& authority() {
    static const Authority made;
    return made;
}

inline const tls::Certificate& server_certificate() {
    static const auto made =
        authority().issue({.names = "DNS:server.example,IP:127.0.0.1,IP:192.0.2.1"});
    return made;
}

// Without a line of handshakes: the virtual clock may stand still.
inline tls::Server make_server(tls::ServerOptions options = {}) {
    options.handshakes_per_turn = 0;
    if (options.certificates.empty()) options.certificates = {server_certificate()};
    auto made = tls::Server::make(std::move(options));
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return std::move(*made);
}

inline tls::Client make_client(tls::ClientOptions options = {}) {
    if (options.common.trust_pem.empty()) options.common.trust_pem = authority().pem();
    auto made = tls::Client::make(std::move(options));
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return std::move(*made);
}

// What one end saw.
struct Seen {
    std::string calls;  // names of callbacks, without on_data
    std::string text;
    std::optional<Security> security;
    std::error_code reason;
    bool closed = false;
    std::size_t chunks = 0;

    bool opened() const { return security.has_value(); }
};

struct EndOptions {
    std::string sends = {};  // in on_open
    bool echoes = false;
    bool closes_on_open = false;
    bool ends_output = false;  // after `sends`
    bool closes_on_eof = true;
};

inline Callbacks seeing(Seen& seen, EndOptions options = {}) {
    return Callbacks{.on_open =
                         [&seen, options](Connection& c) {
                             seen.calls += "open ";
                             seen.security = c.security();
                             if (!options.sends.empty()) c.write(options.sends);
                             if (options.ends_output) c.shutdown_write();
                             if (options.closes_on_open) c.close();
                         },
                     .on_data =
                         [&seen, options](Connection& c, MutableBytes in) {
                             seen.text += as_text(in);
                             ++seen.chunks;
                             if (options.echoes) c.write(in);
                             return in.size();
                         },
                     .on_eof =
                         [&seen, options](Connection& c) {
                             seen.calls += "eof ";
                             if (options.closes_on_eof) c.close();
                         },
                     // An echo of much more than the queues hold would wait for ever otherwise.
                     .reads_under_backpressure = [options] { return !options.echoes; },
                     .on_close =
                         [&seen](std::error_code why) {
                             seen.calls += "close ";
                             seen.closed = true;
                             seen.reason = why;
                         }};
}

inline ProtocolFactory end(Seen& seen, EndOptions options = {}) {
    return callbacks([&seen, options] { return seeing(seen, options); });
}
// An end that calls `on_open`, and notes everything else.
inline ProtocolFactory opening(Seen& seen, const std::function<void(Connection&)>& on_open) {
    return callbacks([&seen, on_open] {
        Callbacks made = seeing(seen);
        made.on_open = on_open;
        return made;
    });
}

// Connects both ends and runs until nothing happens.
struct Meeting {
    Seen client, server;

    void run(const tls::Client& with, const tls::Server& at, EndOptions client_does = {},
             EndOptions server_does = {.echoes = true}, const std::string& name = "server.example",
             testing::NetworkFaults faults = {}, std::size_t window = 64 * 1024) {
        testing::MemoryDriver driver(faults);
        driver.join(with.wrap(name, end(client, std::move(client_does))()),
                    at.wrap(end(server, std::move(server_does)))(), {}, window);
        driver.run();
    }
};

// The client's end of a connection whose bytes the test carries itself, to the server and back.
class Wire {
public:
    Seen seen;

    Wire(const tls::Client& client, const ProtocolFactory& server, EndOptions client_does = {},
         const std::string& name = "server.example")
        : left_(driver_.connect(client.wrap(name, end(seen, std::move(client_does))()))),
          right_(driver_.connect(server)) {}

    testing::MemoryDriver& driver() { return driver_; }
    testing::MemoryPeer& client_side() { return left_; }
    testing::MemoryPeer& server_side() { return right_; }

    std::string from_client() { return left_.take_received(); }
    std::string from_server() { return right_.take_received(); }
    // Carries bytes, and FINs if `fins` is set, until no more come.
    void carry(bool fins = true) {
        for (bool moved = true; moved;) {
            driver_.run();
            const std::string up = from_client(), down = from_server();
            moved = !up.empty() || !down.empty();
            if (!up.empty()) right_.send(up);
            if (!down.empty()) left_.send(down);
            if (fins && left_.saw_eof() && !std::exchange(fin_up_, true)) {
                right_.shutdown_write();
                moved = true;
            }
            if (fins && right_.saw_eof() && !std::exchange(fin_down_, true)) {
                left_.shutdown_write();
                moved = true;
            }
        }
    }

private:
    testing::MemoryDriver driver_;
    testing::MemoryPeer& left_;
    testing::MemoryPeer& right_;
    bool fin_up_ = false, fin_down_ = false;
};

}  // namespace switchboard::test

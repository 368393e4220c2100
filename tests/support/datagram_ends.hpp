// Datagram handlers on a reactor, and clients that the test plays.
#pragma once

#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <switchboard/reactor_datagram.hpp>

#include "datagram_handlers.hpp"
#include "turns.hpp"

namespace switchboard::test {

inline const Endpoint kLoopback = Endpoint::udp("127.0.0.1", 0);

inline std::unique_ptr<DatagramProtocol> handler(Handler::Does does) {
    return std::make_unique<Handler>(std::move(does));
}

inline DatagramBound bound(Reactor& reactor, Handler::Does does, const BindOptions& options = {},
                           const Endpoint& at = kLoopback) {
    auto made = bind_datagram(reactor, at, handler(std::move(does)), options);
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    return *made;
}

// A client that the test plays, with a non-blocking socket.
struct DatagramClient {
    explicit DatagramClient(const Endpoint& server)
        : socket(connect_datagram(server, {.blocking = Blocking::no}).value()) {}
    void send(std::string_view data) const { REQUIRE(socket.send(as_bytes(data))); }
    std::optional<std::string> receive() const {
        std::string data(65'536, '\0');
        const auto got = socket.receive({reinterpret_cast<std::byte*>(data.data()), data.size()});
        return got ? std::optional(data.substr(0, *got)) : std::nullopt;
    }
    std::string receive(Reactor& reactor) const {
        std::optional<std::string> data;
        run_until(reactor, [&] { return (data = receive()).has_value(); });
        return *data;
    }
    Socket socket;
};

// Returns the address of a socket that is closed.
inline Endpoint nobody() {
    const Socket gone = bind_datagram(kLoopback).value();
    return gone.local().value();
}

inline std::string complaint(const auto& result) {
    REQUIRE_FALSE(result.has_value());
    return result.error().message();
}

}  // namespace switchboard::test

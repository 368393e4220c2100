// Datagram handlers on a reactor, and the far end of them, for tests of sockets.
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

inline Handler::Does datagram_echo() {
    return {.on_datagram = [](DatagramSocket& s, Datagram& in) { s.send(in.from, in.data); }};
}

// A non-blocking socket that the test plays.
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

// The port of a socket that is gone.
inline Endpoint nobody() {
    const Socket gone = bind_datagram(kLoopback).value();
    return gone.local().value();
}

inline std::string complaint(const auto& result) {
    REQUIRE_FALSE(result.has_value());
    return result.error().message();
}

}  // namespace switchboard::test

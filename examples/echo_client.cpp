// A client, step by step: connect, send, send a FIN, receive until the server's FIN.
#include <array>
#include <iostream>
#include <switchboard/socket.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

Result<void> talk(const Endpoint& server, std::string_view text) {
    auto socket = connect(server, 5s);
    if (!socket) return tl::unexpected(socket.error());
    if (const auto set = socket->set_timeouts(5s, 5s); !set) return set;
    if (const auto sent = socket->send_all(as_bytes(text)); !sent) return sent;
    if (const auto ended = socket->shutdown_write(); !ended) return ended;

    std::array<std::byte, 4096> in{};
    for (;;) {
        const auto got = socket->receive(in);
        if (!got) return tl::unexpected(got.error());
        if (*got == 0) return {};  // the server's FIN
        std::cout << as_text(Bytes(in).first(*got));
    }
}

int main(int argc, char** argv) {
    if (argc != 3) return std::cerr << "usage: echo_client ENDPOINT TEXT\n", 2;
    const auto talked = Endpoint::parse(argv[1]).and_then(
        [&](const Endpoint& server) { return talk(server, argv[2]); });
    if (!talked) return std::cerr << talked.error().message() << "\n", 1;
    std::cout << "\n";
}

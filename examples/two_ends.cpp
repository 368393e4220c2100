// Both ends of one connection, and the listener, which carries no data.
#include <array>
#include <iostream>
#include <switchboard/socket.hpp>

using namespace switchboard;

std::string between(const Socket& socket) {
    return socket.local()->to_string() + " -> " + socket.peer()->to_string();
}

int main() {
    const Socket listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    const Socket client = connect(listener.local().value()).value();
    const Socket served = listener.accept().value();

    std::cout << "listener: " << listener.local()->to_string() << "\n"
              << "client:   " << between(client) << "\n"
              << "served:   " << between(served) << "\n";

    if (!client.send_all(as_bytes("hello"))) return 1;
    std::array<std::byte, 64> in{};
    const std::size_t got = served.receive(in).value();
    std::cout << "received: " << as_text(Bytes(in).first(got)) << "\n";
}

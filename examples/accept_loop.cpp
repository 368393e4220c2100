// The classic server: listen with a backlog, accept in a loop, serve one client, take the next.
#include <array>
#include <iostream>
#include <switchboard/socket.hpp>

using namespace switchboard;

void greet(const Socket& client) {
    std::array<std::byte, 512> name{};
    const auto got = client.receive(name);
    if (!got) return;  // this client is lost; the next one is not
    const auto sent = client.send_all(as_bytes("hello "));
    if (!sent || !client.send_all(Bytes(name).first(*got))) std::cerr << "a client left early\n";
}

int main() {
    const auto listener = listen(Endpoint::tcp("127.0.0.1", 0), {.backlog = 5});
    if (!listener) return std::cerr << listener.error().message() << "\n", 1;
    std::cout << "listening on " << listener->local()->to_string() << std::endl;
    for (;;) {
        const auto client = listener->accept();
        if (!client) return std::cerr << client.error().message() << "\n", 1;
        greet(*client);
    }  // here ~Socket closes the client
}

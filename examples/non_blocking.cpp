// Results of a non-blocking socket that has no data to receive, or no room to send.
#include <poll.h>

#include <array>
#include <iostream>
#include <switchboard/socket.hpp>
#include <vector>

using namespace switchboard;

int main() {
    const Socket listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    const Socket client = connect(listener.local().value()).value();
    const Socket served = listener.accept(Blocking::no).value();

    std::array<std::byte, 64> in{};
    const auto early = served.receive(in);  // a blocking socket would wait here
    std::cout << early.error().message() << "\n";

    if (!client.send_all(as_bytes("hello"))) return 1;
    pollfd ready{served.fd(), POLLIN, 0};
    poll(&ready, 1, -1);  // waits for any number of sockets at once
    const std::size_t got = served.receive(in).value();
    std::cout << "receive: " << as_text(Bytes(in).first(got)) << "\n";

    const std::vector<std::byte> much(1'000'000);
    auto sent = served.send(much);
    for (; sent; sent = served.send(much))
        std::cout << (*sent < much.size() ? "send: a part\n" : "");
    std::cout << sent.error().message() << "\n";  // the client does not read
}

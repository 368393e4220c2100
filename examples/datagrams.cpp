// One datagram handler under a reactor, under a blocking driver, and on a network that loses datagrams.
#include <iostream>
#include <switchboard/blocking.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/testing/memory_datagrams.hpp>
#include <thread>

using namespace switchboard;

struct Shout : DatagramProtocol {
    void on_datagram(DatagramSocket& socket, Datagram& in) override {
        for (std::byte& byte : in.data) byte &= std::byte{0xDF};  // ASCII letters to upper case
        socket.send(in.from, in.data);
    }
};

void ask(const char* driver, const Endpoint& server) {
    std::cout << driver << ": " << as_text(exchange(server, as_bytes("hello")).value()) << "\n";
}

int main() {
    const Endpoint loopback = Endpoint::udp("127.0.0.1", 0);
    Reactor reactor;
    const auto here = bind_datagram(reactor, loopback, std::make_unique<Shout>()).value();
    std::thread client([&] {
        ask("reactor", here.local);
        reactor.post([&] { reactor.stop(); });
    });
    reactor.run();
    client.join();

    const Socket socket = bind_datagram(loopback).value();
    const Stop stop = Stop::create().value();
    std::thread server([&] {
        const auto served = serve_datagrams(socket, std::make_unique<Shout>(), stop);
        if (!served) std::cerr << served.error().message() << "\n";
    });
    ask("blocking", socket.local().value());
    stop.drain();
    server.join();

    testing::MemoryNetwork network({.seed = 1, .loss = 0.1});
    const Endpoint at = Endpoint::udp("10.0.0.1", 7);
    network.open(std::make_unique<Shout>(), at);
    auto& host = network.host(Endpoint::udp("10.0.0.2", 5000));
    for (int i = 0; i < 10; ++i) host.send(at, "hello");
    network.run();
    std::cout << "memory: " << host.received().size() << " of 10 came back, in seed 1\n";
}

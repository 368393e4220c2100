// One handler under a reactor, under a thread per connection, and in memory without a socket.
#include <iostream>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/testing/memory.hpp>
#include <thread>

using namespace switchboard;

struct Shout : Protocol {
    std::size_t on_data(Connection& peer, MutableBytes in) override {
        for (std::byte& byte : in) byte &= std::byte{0xDF};  // ASCII letters to upper case
        peer.write(in);
        return in.size();
    }
};

void ask(const char* driver, const Endpoint& server) {
    std::cout << driver << ": " << as_text(exchange(server, as_bytes("hello")).value()) << "\n";
}

int main() {
    Reactor reactor;
    const auto here = reactor.listen(Endpoint::tcp("127.0.0.1", 0), factory_of<Shout>()).value();
    std::thread client([&] {
        ask("reactor", here.local);
        reactor.post([&] { reactor.stop(); });
    });
    reactor.run();
    client.join();

    Socket listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    const Endpoint there = listener.local().value();
    const Stop stop = Stop::create().value();
    std::thread server([&] {
        const auto served = serve_threads(std::move(listener), factory_of<Shout>(), stop);
        if (!served) std::cerr << served.error().message() << "\n";
    });
    ask("threads", there);
    stop.drain();
    server.join();

    testing::MemoryDriver memory;
    testing::MemoryPeer& peer = memory.connect(factory_of<Shout>()).send("hello");
    memory.run();
    std::cout << "memory: " << peer.received() << "\n";
}

// One handler, unchanged, under a reactor, under a thread per connection, and without any socket.
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

int main() {
    const ProtocolFactory shout = factory_of<Shout>();

    Reactor reactor;
    const Endpoint here = reactor.listen(Endpoint::tcp("127.0.0.1", 0), shout).value().local;
    std::jthread looping([&] { reactor.run(); });
    std::cout << "reactor: " << as_text(exchange(here, as_bytes("hello")).value()) << "\n";
    reactor.post([&] { reactor.stop(); });

    const Socket listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    const Stop stop = Stop::create().value();
    std::jthread serving([&] { serve_threads(listener, shout, stop).value(); });
    const Endpoint there = listener.local().value();
    std::cout << "threads: " << as_text(exchange(there, as_bytes("hello")).value()) << "\n";
    stop.drain();

    testing::MemoryDriver driver;
    testing::MemoryPeer& peer = driver.connect(shout).send("hello");
    driver.run();
    std::cout << "memory: " << peer.received() << "\n";
}

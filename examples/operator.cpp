// The switchboard operator: a hub, which sends each line to all of its other clients, and a relay, which
// connects clients of another address to the hub.
#include <iostream>
#include <switchboard/reactor.hpp>
#include <switchboard/relay.hpp>

using namespace switchboard;

int main() {
    const Endpoint any_port = Endpoint::tcp("127.0.0.1", 0);
    Reactor reactor;
    const auto find = [&reactor](ConnectionId id) { return reactor.find(id); };
    const auto hub = reactor.listen(any_port, make_hub(find));
    if (!hub) return std::cerr << hub.error().message() << "\n", 1;
    const auto relay = reactor.listen(any_port, make_relay(reactor, hub->local));
    if (!relay) return std::cerr << relay.error().message() << "\n", 1;
    std::cout << "hub at " << hub->local.to_string() << "\n"
              << "relay at " << relay->local.to_string() << std::endl;
    reactor.run();
}
